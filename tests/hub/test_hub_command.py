"""`ravelar hub`: what people see of the Hub, and one clear line where there is none."""

import json
from types import SimpleNamespace

import pytest

from ravelar.cli.main import main

GENERAL = {"tags": ["reward-model"], "downloads": 12_345}


@pytest.fixture
def on(hub, monkeypatch):
    """Let the commands of this test ask the loopback Hub."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    return hub


@pytest.fixture
def said(capsys):
    """Run the command line in this process."""

    def run(*arguments: str) -> SimpleNamespace:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=ended.value.code, stdout=printed.out, stderr=printed.err)

    return run


@pytest.mark.slow
def test_a_search_lists_models_in_eighty_columns(on, ravelar, reward_model_files) -> None:
    on.add("acme/judge", reward_model_files(), **GENERAL)
    on.add("somebody-with-a-long-name/a-model-[bold]-with-a-name-that-hardly-fits-anywhere-at-all", {}, **GENERAL)
    on.add(
        "a-very-long-organisation/reward-model-of-" + "many-words-" * 4 + "end",
        reward_model_files(),
        gated="auto",
        **GENERAL,
    )
    done = ravelar("hub", "search", "judge")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    first = done.stdout.splitlines()[3]
    assert first.split()[:2] == ["acme/judge", "12,345"]
    assert "gated" in done.stdout
    assert "[bold]" not in done.stdout  # no name of the Hub, so it is passed over


def test_a_search_prints_json(on, said, reward_model_files) -> None:
    for n in range(3):
        on.add(f"acme/judge-{n}", reward_model_files(), **GENERAL)
    printed = json.loads(said("hub", "search", "judge", "--limit", "2", "--json").stdout)
    assert [each["repo"] for each in printed["found"]] == ["acme/judge-0", "acme/judge-1"]
    assert "tag reward-model" in printed["found"][0]["ways"]
    assert printed["failures"] == []


def test_a_search_that_finds_nothing_says_so(on, said) -> None:
    done = said("hub", "search", "haiku")
    assert (done.returncode, done.stdout) == (0, "no reward model found; fewer or other words may find some\n")


def test_a_failed_query_is_named_and_the_exit_code_tells(on, said, reward_model_files) -> None:
    on.add("acme/judge", reward_model_files(), **GENERAL)
    on.fault("/api/models", "garbage", times=1)
    done = said("hub", "search", "judge")
    assert done.returncode == 1
    assert "acme/judge" in done.stdout
    assert done.stderr.startswith("ravelar: the query (search judge, filter reward-model) failed: the list of models: ")


def test_a_look_says_what_is_known_in_eighty_columns(on, said, reward_model_files) -> None:
    sha = on.add("acme/judge", reward_model_files(), **GENERAL)
    done = said("hub", "inspect", "acme/judge")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    known = dict(
        line.split(None, 1) for line in done.stdout.splitlines() if line.startswith(("commit", "licence", "access"))
    )
    assert known == {"commit": sha, "licence": "apache-2.0", "access": "open"}
    assert "score head  score.weight [1, 8] F32" in done.stdout
    assert "parameters  264 (F32)" in done.stdout
    assert "nothing speaks against a trial on this machine" in done.stdout
    assert on.fetched(".safetensors", whole=True) == 0


def test_a_look_says_why_a_model_would_be_refused(on, said, reward_model_files) -> None:
    on.add("acme/old", reward_model_files(**{"model.safetensors": None, "pytorch_model.bin": b"x"}))
    done = said("hub", "inspect", "acme/old")
    assert done.returncode == 0
    assert "would be refused: pickle only" in done.stdout
    assert "score head  not read" in done.stdout


def test_a_look_prints_json_at_a_revision(on, said, reward_model_files) -> None:
    first = on.add("acme/judge", reward_model_files({"num_labels": 4}))
    on.add("acme/judge", reward_model_files())
    printed = json.loads(said("hub", "inspect", "acme/judge", "--revision", first, "--json").stdout)
    assert (printed["revision"], printed["num_labels"], printed["refused"]) == (first, 4, None)


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("acme/nothing", 1, "ravelar: acme/nothing at main: no such repository, or it is private"),
        ("judge", 2, "ravelar: 'judge' is no model of the Hub; allowed: 'owner/name'"),
    ],
)
def test_what_can_not_be_looked_at_is_one_line(on, said, name: str, code: int, says: str) -> None:
    done = said("hub", "inspect", name)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(says)
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("search", "math"), ("inspect", "acme/judge")])
def test_without_a_network_there_is_one_clear_line(on, ravelar, arguments) -> None:
    on.stop()
    done = ravelar("hub", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert "can't be had: [Errno 111] Connection refused" in done.stderr
    assert done.stderr.count("\n") == 1


def test_in_offline_mode_nothing_is_asked(on, ravelar, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = ravelar("hub", "inspect", "acme/judge")
    assert done.returncode == 1
    assert done.stderr == "ravelar: offline mode: HF_HUB_OFFLINE is set, so the Hub is not asked\n"
    assert not on.requests
