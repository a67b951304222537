"""Tools as a folder: out and back the same, and nothing strange comes in."""

import hashlib
import json
import math
import os

import pytest

from ravelar.tools.adopted.entry import HubRecipe, RemoteRecipe, WrittenRecipe
from ravelar.tools.adopted.folder import INDEX, export_folder, read_folder
from ravelar.tools.adopted.importing import Rechecked, import_folder
from ravelar.tools.card import Evidence, ToolCard
from ravelar.tools.errors import InputError, ToolUnavailable
from ravelar.tools.evidence.probes import Probe, ProbeSet
from ravelar.tools.reward import Triple

PROBES = ProbeSet(
    [
        Probe(Triple("?", "five seven five", None, {"options": [1]}), True),
        Probe(Triple([{"role": "user", "content": "\u2028?"}], "", {"a": None}), False, "empty"),
    ]
)


def listed(folder):
    return json.loads((folder / INDEX).read_text())


def relist(folder, change):
    index = listed(folder)
    change(index)
    (folder / INDEX).write_text(json.dumps(index))


def rehash(folder, name, file, data):
    """Change a file as somebody would who wants it to be believed."""
    (folder / name / file).write_bytes(data)
    relist(folder, lambda index: index["tools"][0]["files"].update({file: hashlib.sha256(data).hexdigest()}))


@pytest.fixture
def folder(tmp_path, make_entry):
    export_folder([make_entry()], tmp_path / "shared", probes={"haiku": PROBES})
    return tmp_path / "shared"


def test_a_tool_comes_back_as_it_was_with_its_probes(tmp_path, make_entry):
    card = ToolCard(name="dates", kind="reward_model", task="x", summary="ü \0", low=-math.inf, high=math.inf)
    hub = HubRecipe(repo="a/b", revision="0" * 40, adapter="sequence", options={"index": 1})
    entries = [make_entry(source="# ünï\r\nx = '\\0'\n\tpass"), make_entry("dates", card=card, recipe=hub)]
    export_folder(entries, tmp_path / "a", probes={"haiku": PROBES})
    (dates, none), (haiku, probes) = read_folder(tmp_path / "a")
    assert [haiku, dates] == entries
    assert (haiku.version, dates.version) == (entries[0].version, entries[1].version)
    assert none is None
    assert probes.digest == PROBES.digest
    assert list(probes) == list(PROBES)


def test_the_folder_holds_what_people_and_the_hub_read(folder):
    assert sorted(path.name for path in (folder / "haiku").iterdir()) == [
        "README.md", "card.json", "evidence.json", "probes.jsonl", "recipe.json", "task.json", "verifier.py",
    ]  # fmt: skip
    assert (folder / "README.md").read_text().startswith("---\nlibrary_name: ravelar\n")
    readme = (folder / "haiku" / "README.md").read_text()
    assert readme.startswith("---\nlibrary_name: ravelar\n")
    assert "95 % 0.9300 to 1.0000" in readme
    assert (folder / "haiku" / "verifier.py").read_text() == "def verify(p, c, r):\n    return 1.0\n"


def test_a_later_export_adds_and_replaces_and_leaves_the_others(folder, make_entry):
    export_folder([make_entry("dates"), make_entry(source="two")], folder)
    assert [entry.task.label for entry, _ in read_folder(folder)] == ["dates", "haiku"]
    assert read_folder(folder)[1][0].recipe.source == "two"
    assert not (folder / "haiku" / "probes.jsonl").exists()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path, make_entry):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        export_folder([make_entry()], tmp_path)
    with pytest.raises(InputError, match="can't be written"):
        export_folder([make_entry()], tmp_path / "thesis.txt")


def damage(folder, kind):  # noqa: C901  one line each
    tool, outside = folder / "haiku", folder.parent / "secret"
    outside.write_text("{}")
    match kind:
        case "changed source":
            (tool / "verifier.py").write_text("def verify(p, c, r): return 0.0")
        case "changed source and its hash":
            rehash(folder, "haiku", "verifier.py", b"def verify(p, c, r): return 0.0")
        case "missing file":
            (tool / "card.json").unlink()
        case "unlisted file":
            relist(folder, lambda index: index["tools"][0]["files"].pop("card.json"))
        case "link to a file":
            (tool / "card.json").unlink()
            (tool / "card.json").symlink_to(outside)
        case "linked folder":
            tool.rename(folder.parent / "elsewhere")
            tool.symlink_to(folder.parent / "elsewhere")
        case "linked index":
            (folder / INDEX).rename(folder.parent / "index")
            (folder / INDEX).symlink_to(folder.parent / "index")
        case "pipe":
            (tool / "card.json").unlink()
            os.mkfifo(tool / "card.json")
        case "path out of the folder":
            relist(folder, lambda index: index["tools"][0].update(name="../secret"))
        case "file out of the folder":
            relist(folder, lambda index: index["tools"][0]["files"].update({"../../secret": "0" * 64}))
        case "absolute file":
            relist(folder, lambda index: index["tools"][0]["files"].update({"/etc/passwd": "0" * 64}))
        case "huge file":
            rehash(folder, "haiku", "card.json", b'{"name": "' + b"x" * 2_000_000 + b'"}')
        case "another name":
            rehash(folder, "haiku", "card.json", (tool / "card.json").read_bytes().replace(b"haiku", b"exact"))
        case "another version":
            relist(folder, lambda index: index["tools"][0].update(version="0" * 16))
        case "listed twice":
            relist(folder, lambda index: index["tools"].append(index["tools"][0]))
        case "later format":
            relist(folder, lambda index: index.update(format=2))
        case "no JSON":
            (folder / INDEX).write_text("{")
        case "deep JSON":
            rehash(folder, "haiku", "task.json", b"[" * 200_000)
        case "no UTF-8":
            rehash(folder, "haiku", "verifier.py", b"\xff")
        case "strange label":
            rehash(folder, "haiku", "probes.jsonl", b'{"prompt": "", "completion": "", "label": 1}\n')
        case "strange origin":
            rehash(folder, "haiku", "probes.jsonl", b'{"prompt": "", "completion": "", "label": true, "origin": "x"}')


@pytest.mark.parametrize(
    "kind",
    [
        "changed source", "changed source and its hash", "missing file", "unlisted file", "link to a file",
        "linked folder", "linked index", "pipe", "path out of the folder", "file out of the folder", "absolute file",
        "huge file", "another name", "another version", "listed twice", "later format", "no JSON", "deep JSON",
        "no UTF-8", "strange label", "strange origin",
    ],
)  # fmt: skip
def test_what_was_tampered_with_is_refused_as_a_whole(folder, store, kind):
    assert read_folder(folder)
    damage(folder, kind)
    with pytest.raises(InputError, match=str(folder)):
        import_folder(folder, store, recheck=passes)
    assert not store.place.exists


def passes(entry, probes):
    return Rechecked(True, f"passed on {len(probes)}")


def fails(entry, probes):
    return Rechecked(False, "accepts the empty completion", ("hostile",), entry.trial)


def test_an_import_is_in_use_only_when_it_passed_on_probes(folder, store, make_entry):
    (done,) = import_folder(folder, store, recheck=passes, probes={"haiku": PROBES}, run="r")
    assert done.state == "adopted"
    assert store.entry("haiku") == make_entry()
    (record,) = store.history("haiku")
    assert str(folder) in record.why[0]
    assert import_folder(folder, store, recheck=fails, probes={"haiku": PROBES})[0].state == "in use already"


def test_an_import_without_probes_is_kept_unchecked_and_not_in_use(folder, store):
    (done,) = import_folder(folder, store, recheck=passes)
    assert done.state == "unchecked"
    assert "no probes" in done.reason
    assert store.active() == {}
    assert [record.action for record in store.history("haiku")] == ["unchecked"]
    assert import_folder(folder, store, recheck=None, probes={"haiku": PROBES})[0].state == "unchecked"


def test_the_folders_own_probes_decide_only_where_they_are_trusted(folder, store):
    seen = []

    def recheck(entry, probes):
        seen.append(probes.digest)
        return Rechecked(True, "passed")

    import_folder(folder, store, recheck=recheck)
    assert seen == []
    import_folder(folder, store, recheck=recheck, trust_probes=True)
    assert seen == [PROBES.digest]
    assert set(store.active()) == {"haiku"}


def test_an_import_that_fails_is_refused_with_the_reason_kept(folder, store):
    (done,) = import_folder(folder, store, recheck=fails, probes={"haiku": PROBES})
    assert (done.state, done.reason) == ("refused", "accepts the empty completion")
    assert store.active() == {}
    (refusal,) = store.refused("haiku")
    assert refusal.record.why[1] == "hostile"
    assert refusal.recipe.source.startswith("def verify")


def test_an_import_that_could_not_be_checked_is_kept_unchecked(folder, store):
    def broken(entry, probes):
        raise ToolUnavailable("no sandbox")

    (done,) = import_folder(folder, store, recheck=broken, probes={"haiku": PROBES})
    assert (done.state, "no sandbox" in done.reason) == ("unchecked", True)


def test_evidence_of_our_own_stands_in_place_of_the_publishers(folder, store):
    fact = Evidence(data="ours", measure="x", n=1, value=1, low=0, high=1, made_by="here")
    trial = read_folder(folder)[0][0].trial.model_copy(update={"n": 5})
    import_folder(
        folder,
        store,
        recheck=lambda entry, probes: Rechecked(True, "passed", (), trial, (fact,)),
        probes={"haiku": PROBES},
    )
    assert store.entry("haiku").trial.n == 5
    assert store.entry("haiku").card.evidence == (fact,)


@pytest.mark.parametrize(
    ("recipe", "allow", "said"),
    [
        (HubRecipe(repo="a/b", revision="0" * 40, adapter="x", remote_code=True), "a/b", "would run code of a/b"),
        (RemoteRecipe(url="https://far.away/score", protocol="json"), "https://far.away/score", "would send prompts"),
        (WrittenRecipe(source="x", wall_s=1e9), None, "asks for 1e"),
        (WrittenRecipe(source="x", cpu_s=float("inf")), None, "asks for inf"),
    ],
)
def test_what_is_dangerous_to_build_is_refused_unless_allowed_by_name(tmp_path, store, make_entry, recipe, allow, said):
    export_folder([make_entry(recipe=recipe)], tmp_path / "a")
    (done,) = import_folder(tmp_path / "a", store, recheck=passes, probes={"haiku": PROBES})
    assert done.state == "refused"
    assert said in done.reason
    if allow:
        (done,) = import_folder(tmp_path / "a", store, recheck=passes, probes={"haiku": PROBES}, allow=[allow])
        assert done.state == "adopted"


def test_a_readme_shows_a_strangers_text_as_text(tmp_path, make_entry):
    card = ToolCard(name="haiku", kind="verifier", task="x", summary="\x1b[2J<script>[click](http://x)\n# Big")
    export_folder([make_entry(card=card)], tmp_path / "a")
    readme = (tmp_path / "a" / "haiku" / "README.md").read_text()
    assert "\x1b" not in readme
    assert "<script>" not in readme.replace("\\<", "")
    assert "\n# Big" not in readme
