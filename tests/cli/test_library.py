"""`ravelar library` as a person runs it, and the adopted tools where rewards are asked for."""

import importlib.util
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

import ravelar
from ravelar.cli.main import cli
from ravelar.tools.adopted.entry import Entry, WrittenRecipe
from ravelar.tools.adopted.place import place_of
from ravelar.tools.adopted.store import open_store
from ravelar.tools.card import ToolCard
from ravelar.tools.errors import InputError
from ravelar.tools.evidence.trial import Rate, Trial
from ravelar.tools.task import TaskSpec

GREETS = """\
def verify(prompt, completion, reference):
    return 1.0 if completion.strip().lower().startswith("hello") else 0.0
"""
MEASURES = importlib.util.find_spec("ravelar.tools.evidence.measure") is not None
needs_measuring = pytest.mark.skipif(not MEASURES, reason="tools/evidence/measure.py is not here yet")


def entry_of(label="greeting", source=GREETS, summary="Wants a hello."):
    rate = Rate(value=0.99, low=0.931, high=1.0, n=60)
    return Entry(
        task=TaskSpec(label=label, summary="Greet.", correct="It says hello first.", reference_decides=False),
        card=ToolCard(name=label, kind="verifier", task="greetings", summary=summary),
        recipe=WrittenRecipe(source=source),
        trial=Trial(probes="sha256:0", half="held_out", n=120, good=rate, bad=rate),
    )


@pytest.fixture
def library():
    """The library that RAVELAR_LIBRARY names for this test, with one tool in use."""
    with open_store() as store:
        store.adopt(entry_of(), reason="passed on 120 held-out probes", why=["good 0.99"])
        yield store


@pytest.fixture
def call():
    def run(*arguments, code=0):
        done = CliRunner().invoke(cli, ["library", *map(str, arguments)], catch_exceptions=True)
        if isinstance(done.exception, InputError):
            assert code == 2, done.exception
            return str(done.exception)
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    return run


def probe_file(path, n=400):
    rows = []
    for i in range(n):
        rows.append({"prompt": f"Greet guest {i}.", "completion": f"Hello, guest {i}!", "label": True})
        rows.append({"prompt": f"Greet guest {i}.", "completion": f"Go away, {i}.", "label": False})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_without_a_library_listing_says_so_and_makes_none(ravelar):
    done = ravelar("library", "list")
    assert done.returncode == 0
    assert "no adopted tools at" in done.stdout
    assert not place_of().exists
    assert ravelar("library", "list", "--json").stdout == "[]\n"
    shown = ravelar("library", "show", "greeting")
    assert shown.returncode == 2
    assert "no tools were adopted yet" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_list_fits_80_columns_and_shows_lower_bounds(library, ravelar, monkeypatch):
    library.adopt(entry_of("a_very_long_label_of_forty_eight_characters_abcd"))
    monkeypatch.setenv("COLUMNS", "80")
    out = ravelar("library", "list").stdout
    assert max(map(len, out.splitlines())) <= 80
    assert all(word in out for word in ("greeting", "written", entry_of().version[:8], "in use", "120", "0.931", "20"))


def test_the_list_as_json_and_with_what_is_out_of_use(library, call):
    library.adopt(entry_of("dates"))
    library.retire("dates", "x")
    library.keep_unchecked(entry_of("units"))
    (row,) = json.loads(call("list", "--json"))
    assert (row["name"], row["state"], row["n"], row["good_low"]) == ("greeting", "in use", 120, 0.931)
    states = {row["name"]: row["state"] for row in json.loads(call("list", "--all", "--json"))}
    assert states == {"greeting": "in use", "dates": "retired", "units": "unchecked"}
    assert "unchecked" in call("list", "--all")


def test_show_prints_card_evidence_source_and_history(library, call):
    library.refuse("greeting", "written, attempt 1", reason="accepts the empty completion")
    shown = call("show", "greeting", "--history")
    for word in (
        "Wants a hello.",
        entry_of().version,
        "0.9310",
        "120 probes",
        "attempt 1",
        "accepts the empty",
        "passed",
    ):
        assert word in shown
    assert call("show", "greeting", "--source").strip() == GREETS.strip()
    as_json = json.loads(call("show", "greeting", "--json", "--history"))
    assert as_json["version"] == entry_of().version
    assert [record["action"] for record in as_json["history"]] == ["adopted", "refused"]
    assert "did you mean 'greeting'" in call("show", "greetings", code=2)


def test_a_strangers_text_moves_no_cursor(library, call):
    library.keep_unchecked(entry_of("evil", summary="\x1b[2J\x9b0m fine \u202e", source="x = 1 # \x1b[1A"))
    assert "\x1b" not in call("show", "evil") + call("show", "evil", "--source") + call("list", "--all")
    assert "\u202e" not in call("show", "evil")


def test_tools_are_retired_rolled_back_suspended_and_resumed_with_a_reason(library, call):
    call("retire", "greeting", "--reason", "rude")
    assert library.active() == {}
    assert library.history("greeting")[-1].reason == "rude"
    call("rollback", "greeting", "--to", entry_of().version[:5])
    assert set(library.active()) == {"greeting"}
    call("suspend", "greeting")
    assert library.active() == {}
    call("resume", "greeting")
    assert set(library.active()) == {"greeting"}
    assert "no earlier version" in call("rollback", "greeting", code=2)
    assert "no adopted tool 'nobody'" in call("retire", "nobody", code=2)


def test_the_option_goes_before_the_environment(library, call, tmp_path):
    assert json.loads(call("list", "--json", "--library", tmp_path / "other.sqlite")) == []
    assert "allowed:" in call("list", "--library", "mysql://x", code=2)
    (tmp_path / "garbage").write_bytes(b"x" * 9000)
    assert str(tmp_path / "garbage") in call("list", "--library", tmp_path / "garbage", code=2)


def test_an_export_is_imported_elsewhere_and_not_in_use_without_probes(library, call, tmp_path):
    call("export", tmp_path / "shared")
    elsewhere = tmp_path / "elsewhere.sqlite"
    (row,) = json.loads(call("import", tmp_path / "shared", "--library", elsewhere, "--json"))
    assert (row["name"], row["state"]) == ("greeting", "unchecked")
    assert json.loads(call("list", "--json", "--library", elsewhere)) == []
    assert "unchecked" in call("list", "--all", "--library", elsewhere)
    assert "in use already" in call("import", tmp_path / "shared")
    (tmp_path / "shared" / "greeting" / "verifier.py").write_text("def verify(*a): return 1.0\n")
    assert "the index says" in call("import", tmp_path / "shared", code=2)


@pytest.mark.slow
@needs_measuring
def test_an_import_is_measured_on_ones_own_probes_and_then_in_use(library, call, tmp_path):
    call("export", tmp_path / "shared", "greeting")
    elsewhere, probes = tmp_path / "elsewhere.sqlite", probe_file(tmp_path / "probes.jsonl")
    imported = ["import", tmp_path / "shared", "--library", elsewhere, "--probes", probes, "--sandbox", "unsafe"]
    assert "adopted" in call(*imported)
    with open_store(elsewhere) as store:
        entry = store.entry("greeting")
        assert entry.version == entry_of().version
        assert entry.trial.probes != "sha256:0", "our own evidence, not the publisher's"
        assert entry.card.evidence


@needs_measuring
def test_a_lazy_import_is_refused_with_exit_code_1(call, tmp_path):
    with open_store(tmp_path / "theirs.sqlite") as store:
        store.adopt(entry_of(source="def verify(prompt, completion, reference):\n    return 1.0\n"))
    call("export", tmp_path / "shared", "--library", tmp_path / "theirs.sqlite")
    probes = probe_file(tmp_path / "probes.jsonl")
    said = call("import", tmp_path / "shared", "--probes", probes, "--sandbox", "unsafe", code=1)
    assert "refused" in said
    assert json.loads(call("list", "--json")) == []


@needs_measuring
def test_a_tool_in_use_is_measured_again(library, call, tmp_path):
    probes = probe_file(tmp_path / "probes.jsonl", n=30)
    trial = json.loads(call("evaluate", "greeting", "--probes", probes, "--sandbox", "unsafe", "--json"))
    assert (trial["n"], trial["false_accepts"], trial["unscored"]) == (60, 0, 0)
    assert "60 probes" in call("evaluate", "greeting", "--probes", probes, "--sandbox", "unsafe")
    assert "false accepts" in call("evaluate", "greeting", "--probes", probes, "--sandbox", "unsafe")


def test_adopted_tools_score_from_python_and_follow_the_library(library):
    row = {"prompt": "Greet me.", "completion": "Hello!", "task": "greeting"}
    score = lambda: ravelar.score([row], library=ravelar.default_library("unsafe"))[0]  # noqa: E731
    assert (score().tool, score().value) == ("greeting", 1.0)
    same = ravelar.default_library("unsafe")["greeting"]
    library.adopt(entry_of("dates"))
    assert "dates" in ravelar.default_library("unsafe")
    assert ravelar.default_library("unsafe")["greeting"] is same, "what is loaded stays loaded"
    library.retire("greeting", "rude")
    assert score().tool is None
    library.rollback("greeting", to=entry_of().version)
    assert score().value == 1.0


@pytest.mark.slow
def test_adopted_tools_score_on_the_command_line(library, ravelar, tmp_path):
    rows = [{"prompt": "Greet.", "completion": said, "task": "greeting"} for said in ("Hello!", "Go.")]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = ravelar("score", str(tmp_path / "rows.jsonl"), "--sandbox", "unsafe", "--jobs", "2")
    assert [json.loads(line)["reward"] for line in done.stdout.splitlines()] == [1.0, 0.0], done.stderr
    assert "greeting" in ravelar("tools", "--json").stdout


def test_without_adopted_tools_nothing_of_langgraph_is_loaded():
    code = (
        "import sys, ravelar; names = ravelar.default_library().names; "
        "sys.exit(not names or any(m in sys.modules for m in ('langgraph', 'ravelar.in_use', 'sqlite3')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_of_every_command_names_its_options_and_loads_little(ravelar):
    assert "adopted reward tools" in ravelar("library", "--help").stdout
    for name in ("list", "show", "export", "import", "push", "pull", "retire", "rollback", "evaluate"):
        assert "--library" in CliRunner().invoke(cli, ["library", name, "--help"]).output
