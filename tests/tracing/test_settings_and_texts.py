"""When traces are on, what may go with them, and what is left out of a run."""

import json
import subprocess
import sys
from typing import Any

import pytest
from sink import listening
from traced_work import SECRET_WORD
from tracing_world import KEY, ON, SPANS, work

import ravelar
from ravelar.tools.errors import UnknownName
from ravelar.tools.tracing import settings
from ravelar.tools.tracing.leaving_out import OURS, class_of, counts_of, is_counted, without_secrets_within
from ravelar.tools.tracing.settings import references_may_go

ROW = {"prompt": "6 * 7?", "completion": "42", "reference": 42}
WRONG = "no value of RAVELAR_TRACE_TEXTS 'all'; known: references"


@pytest.fixture
def traces_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces are on, as far as what is asked before LangSmith is."""
    for module in ("ravelar.tools.tracing.runs", "ravelar.tools.tracing.batches"):
        monkeypatch.setattr(f"{module}.tracing_is_on", lambda: True)


def test_with_traces_off_scoring_imports_no_langsmith() -> None:
    code = (
        f"import ravelar, sys; ravelar.score([{ROW!r}]); print([m for m in sys.modules if m.startswith('langsmith')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_a_variable_turns_them_on_and_a_context_off(monkeypatch) -> None:
    import langsmith  # noqa: PLC0415
    from langsmith.utils import get_env_var  # noqa: PLC0415

    get_env_var.cache_clear()
    assert not settings.tracing_is_on()
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    get_env_var.cache_clear()
    assert settings.tracing_is_on()
    with langsmith.tracing_context(enabled=False):
        assert not settings.tracing_is_on()
    monkeypatch.delenv("LANGSMITH_TRACING")
    get_env_var.cache_clear()


@pytest.mark.parametrize(("said", "may"), [("", False), ("references", True), (" references ", True)])
def test_references_go_only_where_they_are_let(monkeypatch, said: str, may: bool) -> None:
    monkeypatch.setenv(settings.TEXTS, said)
    assert references_may_go() is may


def test_a_wrong_value_is_told_before_anything_is_scored_or_trained(monkeypatch, traces_on, fake_tool) -> None:
    monkeypatch.setenv(settings.TEXTS, "all")
    with pytest.raises(UnknownName, match=WRONG):
        ravelar.score([ROW])
    with pytest.raises(UnknownName, match=WRONG):
        ravelar.RoutedReward(library=ravelar.Library([fake_tool()]))


@pytest.mark.slow
def test_a_wrong_value_ends_a_command_with_2(tmp_path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps(ROW) + "\n")
    done = work("-m", "ravelar", "score", str(rows), env={**ON, settings.TEXTS: "all"})
    assert (done.code, done.said) == (2, [f"ravelar: {WRONG}"])


def test_a_wrong_value_is_nobodys_business_where_traces_are_off(monkeypatch) -> None:
    monkeypatch.setenv(settings.TEXTS, "all")
    assert ravelar.score([ROW])[0].value == 1.0


def test_counts_hold_no_text_and_no_number_of_what_is_counted() -> None:
    state = {"triples": [{"reference": 4711}], "task": {SECRET_WORD: 1}, "end": "adopted", "because": SECRET_WORD}
    told = counts_of({**state, "known": True, "answer": 4711, "messages": [{"type": "human", "content": SECRET_WORD}]})
    assert told == {
        "triples": "1 items",
        "task": "1 entries",
        "end": "adopted",
        "because": "9 characters",
        "known": True,
        "answer": "int",
        "messages": [{"type": "human", "characters": 9}],
    }
    assert counts_of({"end": f"the end: {SECRET_WORD}"}) == {"end": "18 characters"}
    assert counts_of([SECRET_WORD]) == {"value": "1 items"}


def test_of_an_error_stays_the_class() -> None:
    assert class_of(f"UnusableReference('{SECRET_WORD} can not be read')\nTraceback") == (
        "UnusableReference (its message is left out)"
    )
    assert class_of("'?'") == "an error (its message is left out)"


def test_a_run_is_counted_by_its_mark_unless_it_is_ours() -> None:
    extra = {"metadata": {"ravelar_counted": True}}
    assert is_counted("one", extra)
    assert not is_counted("one", {"metadata": {}})
    assert not is_counted("one", None)
    OURS.add("ours")
    assert not is_counted("ours", extra)
    OURS.discard("ours")


def test_secrets_are_blotted_out_wherever_they_stand(monkeypatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "of-nobody")
    given = {"a": ["x of-nobody y", {"b": ("sk-0123456789", 7)}], "c": None}
    assert without_secrets_within(given) == {"a": ["x [secret] y", {"b": ["[secret]", 7]}], "c": None}


@pytest.mark.slow
def test_what_goes_wrong_within_is_told_by_its_class_and_goes_on_up() -> None:
    code = f"""
from ravelar.tools.tracing.runs import traced
try:
    with traced("work", given={{"n": 1}}, about="x"):
        raise ValueError("{SECRET_WORD}")
except ValueError:
    pass
"""
    with listening() as sink:
        done = work("-c", code, env={**ON, "LANGSMITH_ENDPOINT": sink.url})
    assert done.code == 0, done.said
    (root,) = sink.roots()
    assert root.fields["error"] == "ValueError (its message is left out)"
    assert SECRET_WORD.encode() not in sink.bytes


def test_where_a_trace_can_not_be_made_the_work_goes_on(monkeypatch, caplog, traces_on) -> None:
    monkeypatch.setattr("ravelar.tools.tracing.runs.watch_traces", lambda: None)
    monkeypatch.setattr("langsmith.run_trees.RunTree.post", broken)
    assert [ravelar.score([ROW])[0].value for _ in range(2)] == [1.0, 1.0]
    assert [record.getMessage() for record in caplog.records] == ["tracing: a run is not traced: OSError: no disk"]


def broken(*_: Any, **__: Any) -> None:
    raise OSError("no disk")


@pytest.mark.slow
def test_a_client_of_the_callers_own_is_left_alone_and_told_of() -> None:
    code = f"""
import langsmith
langsmith.configure(client=langsmith.Client())
import ravelar
ravelar.score([{ROW!r}])
ravelar.score([{ROW!r}])
"""
    with listening() as sink:
        done = work("-c", code, env={**ON, "LANGSMITH_ENDPOINT": sink.url})
    assert [root.name for root in sink.roots()] == ["score", "score"]
    assert len(said := [line for line in done.said if line.startswith("tracing: ")]) == 1
    assert "reference texts are not left out" in said[0]


@pytest.mark.slow
def test_a_project_and_a_parent_of_the_callers_hold() -> None:
    code = f"""
import langsmith, ravelar
from ravelar.tools.tracing.runs import watch_traces
watch_traces()
with langsmith.tracing_context(project_name="mine"), langsmith.trace("theirs", inputs={{"x": "{KEY}"}}):
    ravelar.score([{ROW!r}])
"""
    with listening() as sink:
        work("-c", code, env={**ON, "LANGSMITH_ENDPOINT": sink.url})
    (root,) = sink.roots()
    assert root.tree() == ["theirs", ["score", "reward math_answer"]]
    assert {run.fields["session_name"] for run in root.all()} == {"mine"}
    assert KEY.encode() not in sink.bytes


@pytest.mark.slow
def test_spans_without_their_package_are_an_error_that_names_the_extra() -> None:
    code = f"""
import sys
sys.modules["opentelemetry.exporter.otlp.proto.http.trace_exporter"] = None
import ravelar
try:
    ravelar.score([{ROW!r}])
except ravelar.InputError as error:
    print(error, file=sys.stderr)
"""
    done = work("-c", code, env={**ON, **SPANS, "LANGSMITH_ENDPOINT": "http://127.0.0.1:9"})
    assert [line for line in done.said if line.endswith("pip install 'ravelar[otel]'")], done.said


@pytest.mark.slow
def test_a_provider_that_the_process_has_set_up_is_used_as_it_is() -> None:
    code = f"""
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
kept, own = InMemorySpanExporter(), TracerProvider()
own.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(own)
import ravelar, sys
ravelar.score([{ROW!r}])
from langsmith.run_trees import get_cached_client
get_cached_client().flush()
print(sorted(span.name for span in kept.get_finished_spans()), file=sys.stderr)
"""
    done = work("-c", code, env={**ON, **SPANS, "LANGSMITH_ENDPOINT": "http://127.0.0.1:9"})
    assert done.said == ["['reward math_answer', 'score']"]
