"""What a run of RAVEL sends: the goals that do not depend on the machine, and the benchmark's own figures."""

import pytest
from needs import skip_without

from ravelar.benchmark.write_cost import count_prompts, measure
from ravelar.cli.bench_write import _show

skip_without("langchain_openai", "the benchmark goes through OpenAI's client")


@pytest.mark.slow
@pytest.mark.parametrize(("sections", "share"), [(6, 1 / 3), (12, 1 / 5), (26, 1 / 5)])
def test_a_run_sends_a_fraction_of_what_the_published_loop_sends_and_finishes(sections, share):
    figures = count_prompts(sections, latency_s=0.0)
    assert figures["end"] == "finished"
    assert (figures["steps"], figures["calls"]) == (2 * sections + 2, 4 * sections + 3)
    assert figures["prompt_characters"] <= share * figures["published_characters"]


@pytest.mark.slow
def test_the_benchmark_measures_and_shows_every_figure(capsys):
    figures = measure(sections=(2,), timed=3, at_once=3, runs=1)
    assert figures["prompts"]["2"]["share"] is None  # nobody published that
    side = figures["side_by_side"]
    assert side["parallel_s"] < side["sequential_s"]
    assert figures["overhead"]["in_memory_ms_per_step"] > 0
    assert figures["overhead"]["durable_ms_per_step"] > 0
    _show(figures)
    said = capsys.readouterr().out
    for words in ("times faster", "at least 3", "overhead of a step, in memory", "finished"):
        assert words in said
