"""The benchmarks in inspect_ai, by its own fake model, offline: its results are our harness's on the same replies."""

import asyncio
import gc
import json
import math
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from ravelar.benchmark.evals.c3e.items import Item
from ravelar.benchmark.evals.c3e.judged import Question, ajudge_once, question
from ravelar.benchmark.evals.c3e.messages import fixed_message
from ravelar.benchmark.evals.rewards.figures import figures
from ravelar.benchmark.evals.rewards.formats import read_cases
from ravelar.benchmark.evals.rewards.run import said_of
from ravelar.benchmark.evals.rewards.scorers import JudgeScorer
from ravelar.tools.chat.meter import Meter
from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.errors import InputError, RavelarError, UnknownName

pytest.importorskip("inspect_ai", reason="inspect_ai is not installed")

from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai import score as inspect_score
from inspect_ai._util.registry import registry_info
from inspect_ai.log import EvalLog
from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model

from ravelar.benchmark.evals.inspect_rewards import reward_scorer
from ravelar.benchmark.evals.inspect_tasks import c3e, reward_benchmark

Says = Callable[[str], str]
pytestmark = [
    pytest.mark.slow,
    # both are of inspect's own doing:
    pytest.mark.filterwarnings("ignore:The 'initial' parameter is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep what inspect keeps of its own under the test's folder; drop the streams that it leaves open."""
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "INSPECT_TRACE_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("INSPECT_LOG_DIR", str(tmp_path / "logs"))
    yield
    gc.collect()


def model(says: Says, name: str = "mockllm/model") -> Model:
    """Return inspect's fake model, saying what a function of all the words that it was sent says."""

    def output(messages: Sequence[Any], *_: Any) -> ModelOutput:
        said = ModelOutput.from_content(name, says("\n".join(message.text for message in messages)))
        said.usage = ModelUsage(input_tokens=7, output_tokens=3, total_tokens=10)  # else it fetches a tokenizer
        return said

    return get_model(name, custom_outputs=output)


def scripted(says: Says) -> ScriptedChat:
    def reply(messages: list[BaseMessage]) -> str:
        return says("\n".join(str(message.content) for message in messages))

    return ScriptedChat(reply)


def done(task: Task, asked: Model, tmp_path: Path, **options: Any) -> EvalLog:
    (log,) = inspect_eval(task, model=asked, log_dir=str(tmp_path / "logs"), display="none", **options)
    assert log.status == "success", log.error
    return log


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    return {name: one.value for one in log.results.scores for name, one in one.metrics.items()}


def judges(text: str) -> str:
    """Give a score that depends on the item, a reply that does not fit for edits, and a repair for end-to-end."""
    if "Rewrite the draft" in text or "The sea is nice" in text or "海很好" in text:
        return "I like it."
    score = 4 + len(text) % 2
    if ("河水" in text or "river" in text) and "do not belong" not in text:
        return json.dumps({"reasons": [{"about": "a", "finding": "b"}], "score": score, "verdict": "better"})
    return json.dumps({"reasons": [{"about": "a", "finding": f"{len(text)}"}], "score": score, "verdict": "worse"})


def writes(text: str) -> str:
    return "<think>hm</think>" if "Write about tides" in text else f"<think>hm</think> The moon pulls, {len(text)}."


def judged_by_us(asked: Question) -> int:
    score: int = asyncio.run(ajudge_once(scripted(judges), asked, meter=Meter()))["score"]
    return score


def test_a_run_of_c3e_says_what_our_own_judging_says(items_file: Path, items: list[Item], tmp_path: Path) -> None:
    seen: list[str] = []

    def writer(text: str) -> str:
        seen.append(text)
        return writes(text)

    log = done(c3e(items=str(items_file)), model(writer), tmp_path, model_roles={"grader": model(judges)})
    ours: dict[str, float | str] = {}
    for item in items:
        text = writes(fixed_message(item.brief).text).removeprefix("<think>hm</think>").strip()
        try:
            asked = question(item.brief, text, reference=item.reference)
            said = (
                asyncio.run(ajudge_once(scripted(judges), asked, meter=Meter())) if text else {"score": "BrokenReply"}
            )
            ours[item.key] = said["score"]
        except RavelarError as error:
            ours[item.key] = type(error).__name__
    assert log.samples is not None
    theirs: dict[str, float | str] = {}
    for sample in log.samples:
        (score,) = (sample.scores or {}).values()
        unscored = isinstance(score.value, float) and math.isnan(score.value)
        theirs[str(sample.id)] = str(score.reason) if unscored else score.as_int()
    assert theirs == ours
    assert sorted(str(value) for value in ours.values()).count("BrokenReply") == 3
    scored = [value for value in ours.values() if isinstance(value, int)]
    assert metrics(log)["mean"] == pytest.approx(sum(scored) / len(scored))
    assert log.results is not None
    assert (log.results.scores[0].scored_samples, log.results.scores[0].unscored_samples) == (5, 3)
    assert not any(item.reference in text for item in items for text in seen)


def test_reasons_and_calls_are_in_the_log(items_file: Path, tmp_path: Path) -> None:
    log = done(
        c3e(items=str(items_file), language="en", tasks="end2end, edit"), model(writes), tmp_path,
        model_roles={"grader": model(judges)},
    )  # fmt: skip
    edit, story = sorted(log.samples or [], key=lambda sample: str(sample.id))
    (told,) = (story.scores or {}).values()
    assert told.metadata is not None
    assert told.metadata["reasons"][0]["about"] == "a"
    assert (told.metadata["verdict"], told.metadata["calls"]) == ("worse", 2)
    assert sum(event.event == "model" for event in story.events) == 3  # the text, the judgement, its repair
    (refused,) = (edit.scores or {}).values()
    assert "no JSON object" in str(refused.explanation)
    assert str(refused.answer).startswith("The moon pulls")


def test_a_judge_must_be_named(items_file: Path, tmp_path: Path) -> None:
    (log,) = inspect_eval(
        c3e(items=str(items_file), limit=1, language="en", tasks="cloze"), model=model(writes),
        log_dir=str(tmp_path / "logs"), display="none",
    )  # fmt: skip
    assert log.status == "error"
    assert log.error is not None
    assert "grader" in log.error.message


def test_wrong_options_are_refused_before_anything_is_asked(items_file: Path, tmp_path: Path) -> None:
    for options, says in (
        ({"messages": "mine"}, "no message set 'mine'"),
        ({"language": "fr"}, "no language 'fr'"),
        ({"tasks": "poem"}, "no task 'poem'"),
    ):
        with pytest.raises(InputError, match=says):
            c3e(items=str(items_file), **options)
    with pytest.raises(InputError, match="holds no items"):
        c3e(items=str(tmp_path / "nothing"))
    with pytest.raises(UnknownName, match="judgbench"):
        reward_benchmark("judgbench", str(items_file))


JB = {"source": "mmlu-pro-law", "response_A": "no", "response_B": "yes", "label": "B>A"}
ROWS: dict[str, list[dict[str, Any]]] = {
    "judgebench": [
        {**JB, "pair_id": "u1", "question": "q1"},
        {**JB, "pair_id": "u2", "question": "q2", "label": "A>B"},
        {**JB, "pair_id": "u3", "question": "q3", "source": "livecodebench"},
        {**JB, "pair_id": "u4", "question": "hopeless"},
    ],
    "llmbar": [
        {"input": "i", "output_1": "bad", "output_2": "yes", "label": 2},
        {"input": "j", "output_1": "bad", "output_2": "yes", "label": 1},
        {"input": "hopeless", "output_1": "bad", "output_2": "yes", "label": 1},
    ],
    "rewardbench2": [
        {"id": "1", "subset": "Focus", "prompt": "p", "chosen": ["yes"], "rejected": ["a", "bb", "ccc"]},
        {"id": "2", "subset": "Math", "prompt": "hopeless", "chosen": ["yes"], "rejected": ["a", "bb", "ccc"]},
        {"id": "3", "subset": "Math", "prompt": "r", "chosen": ["no"], "rejected": ["a", "yes", "ccc"]},
        {"id": "ref:1", "subset": "Ties", "prompt": "t", "chosen": ["yes"], "rejected": ["a"]},
        {"id": "tied:1", "subset": "Ties", "prompt": "u", "chosen": ["yes", "yes!"], "rejected": ["a"]},
    ],
    "rm-bench": [
        {"id": 1, "domain": domain, "prompt": prompt, "chosen": ["yes", "bb", "ccc"], "rejected": ["a", "yes!", "dd"]}
        for domain, prompt in (("chat", "p"), ("math", "q"), ("math", "hopeless"))
    ],
}  # fmt: skip
ROWS["rm-bench"][2]["id"] = 2


def prefers_yes(text: str) -> str:
    """Compare or score by whether a completion says yes, and by its length; give no verdict where it is hopeless."""
    if "hopeless" in text:
        return "no verdict"

    def block(name: str) -> str:
        return text.split(f"<{name}>\n")[1].split(f"\n</{name}>", maxsplit=1)[0]

    if "<first>\n" in text:
        better = "first" if "yes" in block("first") else "second" if "yes" in block("second") else "tie"
        return json.dumps({"reasoning": "because", "better": better})
    completion = block("completion")
    return json.dumps({"reasoning": "because", "score": 9 if "yes" in completion else len(completion)})


@pytest.mark.parametrize("name", list(ROWS))
def test_a_reward_benchmark_says_what_our_own_figures_say(name: str, tmp_path: Path) -> None:
    path = tmp_path / "natural.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS[name]), encoding="utf-8")
    cases = read_cases(name, [path])
    rows = {one.key: one for one in JudgeScorer(scripted(prefers_yes), meter=Meter()).judge(cases)}
    by_key = {case.key: rows[case.key].as_row(case) for case in cases}
    ours = {one.name: one.value for one in figures(name, said_of(cases, by_key)) if one.value is not None}
    log = done(reward_benchmark(name, str(path)), model(prefers_yes), tmp_path)
    found = metrics(log)
    assert {figure: found[figure] for figure in ours} == pytest.approx(ours)
    assert log.results is not None
    assert log.results.scores[0].unscored_samples == 1
    hopeless = [sample for sample in log.samples or [] if "hopeless" in sample.input]
    (score,) = (hopeless[0].scores or {}).values()
    assert score.reason == "ToolCrashed"
    assert "no verdict, also after a repair turn" in str(score.explanation)


def test_both_orders_are_asked_within_their_sample_and_a_log_is_scored_again_without_a_call(tmp_path: Path) -> None:
    path = tmp_path / "gpt-4o.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS["judgebench"][:2]), encoding="utf-8")
    asked: list[str] = []

    def says(text: str) -> str:
        asked.append(text)
        return prefers_yes(text)

    log = done(reward_benchmark("judgebench", str(path)), model(says), tmp_path)
    assert [sum(event.event == "model" for event in sample.events) for sample in log.samples or []] == [2, 2]
    assert len(asked) == 4
    assert metrics(log)["overall"] == 0.5
    again = inspect_score(log, reward_scorer(), action="overwrite", display="none")
    assert metrics(again)["overall"] == 0.5
    assert len(asked) == 4


def test_a_subset_that_is_wholly_unscored_leaves_the_mean_over_subsets_unknown(tmp_path: Path) -> None:
    path = tmp_path / "rb2.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS["rewardbench2"][:2]), encoding="utf-8")
    found = metrics(done(reward_benchmark("rewardbench2", str(path)), model(prefers_yes), tmp_path))
    assert found["Focus"] == 1.0
    assert "overall" not in found
    assert "Math" not in found


def test_a_limit_of_inspects_ends_its_sample_and_is_no_judgement(tmp_path: Path) -> None:
    path = tmp_path / "natural.jsonl"
    path.write_text(json.dumps(ROWS["llmbar"][0]) + "\n", encoding="utf-8")
    log = done(reward_benchmark("llmbar", str(path)), model(prefers_yes), tmp_path, token_limit=1)
    (sample,) = log.samples or []
    assert sample.limit is not None
    assert sample.limit.type == "token"


def test_inspect_finds_the_tasks_by_the_entry_point() -> None:
    root = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").is_file())
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["inspect_ai"] == {"ravelar": c3e.__module__}
    assert [registry_info(one).name for one in (c3e, reward_benchmark)] == ["ravelar/c3e", "ravelar/reward_benchmark"]
