"""Downloads: pinned, checked, resumable, and only of what can't run."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ravelar.tools.errors import HubUnreachable, RepositoryLied, RepositoryRefused
from ravelar.tools.hub.download import download, downloaded, needed_files
from ravelar.tools.hub.inspection import inspect

MUCH = 10**9


@pytest.fixture
def files(reward_model_files):
    """A model with everything around it that must stay away."""
    tensors = {"model.embed_tokens.weight": ("F32", [20_000, 8]), "score.weight": ("F32", [1, 8])}
    return reward_model_files(
        tensors=tensors,
        **{
            "pytorch_model.bin": b"\x80\x04pickle",
            "training_args.bin": b"\x80\x04pickle",
            "handler.py": b"raise SystemExit",
            "sub/config.json": b"{}",
            "sub/model.safetensors": b"x" * 20,
            "other.safetensors": b"x" * 20,
            "tokenizer.model": b"sentencepiece",
        },
    )


def test_only_weights_config_and_tokenizer_come_and_they_are_plain_files(hub, client, files) -> None:
    sha = hub.add("acme/judge", files)
    asking = client(hub)
    snapshot = download(asking, inspect(asking, "acme/judge"), max_bytes=MUCH)
    here = {str(path.relative_to(snapshot.folder)) for path in snapshot.folder.rglob("*")}
    wanted = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "tokenizer.model"}
    assert here == wanted | {"ravelar_facts.json"}
    assert not any(path.is_symlink() for path in snapshot.folder.rglob("*"))
    assert all((snapshot.folder / name).read_bytes() == files[name] for name in wanted)
    assert snapshot.folder.parts[-2:] == ("acme--judge", sha)
    assert (snapshot.repo, snapshot.revision) == ("acme/judge", sha)
    assert snapshot.bytes == snapshot.fetched == sum(len(files[name]) for name in wanted)
    for name in set(files) - wanted - {"README.md"}:
        assert hub.fetched(f"/{name}") == 0 or name == "sub/model.safetensors"


def test_what_is_here_is_not_asked_for_again_even_without_a_hub(hub, client, files) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge")
    first = download(asking, facts, max_bytes=MUCH)
    hub.stop()
    again = download(asking, facts, max_bytes=MUCH)
    assert (again.folder, again.bytes, again.fetched) == (first.folder, first.bytes, 0)
    offline = downloaded(asking.cache_dir, "acme/judge", facts.revision)
    assert (offline.folder, offline.facts, offline.bytes) == (first.folder, facts, first.bytes)
    (first.folder / "model.safetensors").write_bytes(b"cut")
    assert downloaded(asking.cache_dir, "acme/judge", facts.revision) is None
    assert downloaded(asking.cache_dir, "acme/judge", "0" * 40) is None


def test_the_commit_stays_the_one_that_was_looked_at(hub, client, files, reward_model_files) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge")
    hub.add("acme/judge", reward_model_files({"num_labels": 7}))
    snapshot = download(asking, facts, max_bytes=MUCH)
    assert (snapshot.folder / "config.json").read_bytes() == files["config.json"]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("wrong_bytes", r"acme/judge: model\.safetensors has the hash \w{64}; the Hub said \w{64}"),
        ("endless", r"model\.safetensors has more bytes; the Hub said 640,"),
        ("longer", r"model\.safetensors has more bytes; the Hub said 640,"),
        ("shorter", r"model\.safetensors has 640,\d+ bytes; the Hub said 640,"),
    ],
)
def test_weights_that_are_not_what_was_said_are_a_lie_and_do_not_stay(hub, client, files, kind: str, says: str) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge")
    hub.fault(r"^/cdn/.*model\.safetensors$", kind)
    with pytest.raises(RepositoryLied, match=says):
        download(asking, facts, max_bytes=MUCH)
    assert not list(asking.cache_dir.rglob("model.safetensors*"))
    hub.heal()
    assert download(asking, facts, max_bytes=MUCH).fetched > 640_000


def test_a_tokenizer_that_is_not_what_was_said_is_a_lie(hub, client, files) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge")
    hub.fault(r"/tokenizer\.json$", "wrong_bytes")
    with pytest.raises(RepositoryLied, match=r"tokenizer\.json has the hash"):
        download(asking, facts, max_bytes=MUCH)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(hub, client, files) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge")
    hub.requests.clear()
    hub.fault(r"^/cdn/.*model\.safetensors$", "truncated", times=4)  # more than the retries: each brings something
    snapshot = download(asking, facts, max_bytes=MUCH)
    assert (snapshot.folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    ranges = [asked.headers.get("range") for asked in hub.requests if asked.path.startswith("/cdn")]
    starts = [int(each.removeprefix("bytes=").rstrip("-")) if each else 0 for each in ranges]
    assert len(starts) == 5
    assert starts == sorted(set(starts))
    assert snapshot.fetched == snapshot.bytes


@pytest.mark.parametrize("kind", ["down", "error", "too_many"])
def test_a_hub_that_stays_down_is_unreachable_after_the_retries(hub, client, files, kind: str) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge")
    hub.requests.clear()
    hub.fault(r"model\.safetensors$", kind, seconds=3)
    with pytest.raises(HubUnreachable, match=r"acme/judge: model\.safetensors: .*; tried 3 times"):
        download(asking, facts, max_bytes=MUCH)
    assert sum("model.safetensors" in asked.path for asked in hub.requests) == 3
    assert asking.pauses == ([3.0, 3.0] if kind == "too_many" else [0.25, 0.5])


def test_a_download_that_drips_is_given_up_and_what_came_stays(hub, client, files) -> None:
    hub.add("acme/judge", files)
    asking = client(hub, timeout_s=0.4)
    facts = inspect(asking, "acme/judge")
    hub.fault(r"^/cdn/.*model\.safetensors$", "drip", seconds=0.01)
    with pytest.raises(HubUnreachable, match=r"comes too slowly|took longer"):
        download(asking, facts, max_bytes=MUCH, least_bytes_per_s=10**9)
    (part,) = asking.cache_dir.rglob("model.safetensors.part")
    assert 0 < part.stat().st_size < 1000
    hub.heal()
    snapshot = download(asking, facts, max_bytes=MUCH)
    assert (snapshot.folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    assert snapshot.fetched < snapshot.bytes


def test_a_killed_download_goes_on(hub, client, files, tmp_path: Path) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge")
    (tmp_path / "facts.json").write_text(facts.model_dump_json())
    hub.fault(r"^/cdn/.*model\.safetensors$", "drip", seconds=0.002)
    code = (
        "import pathlib, sys\n"
        "from ravelar.tools.hub.client import HubClient\n"
        "from ravelar.tools.hub.download import download\n"
        "from ravelar.tools.hub.facts import ModelFacts\n"
        "facts = ModelFacts.model_validate_json(pathlib.Path(sys.argv[3]).read_text())\n"
        "client = HubClient(endpoint=sys.argv[1], token='', cache_dir=pathlib.Path(sys.argv[2]))\n"
        "download(client, facts, max_bytes=10**9)\n"
    )
    arguments = [hub.url, str(asking.cache_dir), str(tmp_path / "facts.json")]
    process = subprocess.Popen([sys.executable, "-c", code, *arguments])
    waiting = threading.Event()
    while not any(part.stat().st_size for part in asking.cache_dir.rglob("model.safetensors.part")):
        assert process.poll() is None
        waiting.wait(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert downloaded(asking.cache_dir, "acme/judge", facts.revision) is None
    hub.heal()
    snapshot = download(asking, facts, max_bytes=MUCH)
    assert (snapshot.folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    assert snapshot.fetched < snapshot.bytes


def test_a_part_that_is_rotten_is_fetched_anew(hub, client, files) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge")
    folder = asking.cache_dir / "acme--judge" / facts.revision
    folder.mkdir(parents=True)
    (folder / "model.safetensors.part").write_bytes(b"rot" * 1000)
    (folder / "config.json.part").write_bytes(b"too long" * 1000)
    snapshot = download(asking, facts, max_bytes=MUCH)
    assert (snapshot.folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    assert (snapshot.folder / "config.json").read_bytes() == files["config.json"]


def test_a_server_that_ignores_ranges_is_read_from_the_start(hub, client, files) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge")
    folder = asking.cache_dir / "acme--judge" / facts.revision
    folder.mkdir(parents=True)
    (folder / "model.safetensors.part").write_bytes(files["model.safetensors"][:1000])
    hub.fault(r"^/cdn/.*model\.safetensors$", "replaced", body=files["model.safetensors"])
    snapshot = download(asking, facts, max_bytes=MUCH)
    assert (snapshot.folder / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_a_link_in_the_cache_is_replaced_not_followed(hub, client, files, tmp_path: Path) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge")
    folder = asking.cache_dir / "acme--judge" / facts.revision
    folder.mkdir(parents=True)
    outside = tmp_path / "precious"
    outside.write_bytes(b"")
    for name in ("config.json", "config.json.part", "model.safetensors.part"):
        (folder / name).symlink_to(outside)
    snapshot = download(asking, facts, max_bytes=MUCH)
    assert outside.read_bytes() == b""
    assert not any(path.is_symlink() for path in snapshot.folder.iterdir())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weights": (), "weight_bytes": {"pickle": 5}}, "no safetensors weights; formats found: .'pickle'"),
        ({"auto_map": {"AutoModel": "m.M"}}, "needs the code of acme/judge, which is not allowed by name"),
        ({"repo": "../evil"}, "allowed: 'owner/name' at a commit"),
    ],
)
def test_nothing_of_a_refused_repository_is_asked_for(hub, client, files, change, says: str) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge").model_copy(update=change)
    hub.requests.clear()
    with pytest.raises(RepositoryRefused, match=says):
        download(asking, facts, max_bytes=MUCH)
    assert not hub.requests
    assert not asking.cache_dir.exists()


def test_too_many_bytes_are_refused_before_the_first(hub, client, files, monkeypatch) -> None:
    hub.add("acme/judge", files)
    asking = client(hub)
    facts = inspect(asking, "acme/judge")
    hub.requests.clear()
    with pytest.raises(RepositoryRefused, match=r"acme/judge has 640,\d+ bytes to download; allowed: 1,000"):
        download(asking, facts, max_bytes=1000)
    usage = type("Usage", (), {"free": 5})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(RepositoryRefused, match="has room for 5"):
        download(asking, facts, max_bytes=MUCH)
    assert not hub.requests


def test_code_comes_only_with_a_repository_that_is_named(hub, client, files, reward_model_files) -> None:
    custom = reward_model_files(
        {"auto_map": {"AutoModel": "modeling.M"}}, **{"modeling.py": b"x = 1", "sub/more.py": b""}
    )
    hub.add("acme/custom", custom)
    hub.add("acme/judge", files)
    asking = client(hub)
    named = {"acme/custom", "acme/judge"}
    snapshot = download(asking, inspect(asking, "acme/custom"), max_bytes=MUCH, allow_remote_code=named)
    assert (snapshot.folder / "modeling.py").read_bytes() == b"x = 1"
    assert downloaded(asking.cache_dir, "acme/custom", snapshot.revision).bytes == snapshot.bytes
    plain = download(asking, inspect(asking, "acme/judge"), max_bytes=MUCH, allow_remote_code=named)
    assert not list(plain.folder.glob("*.py"))  # its handler.py is not what its config asks for


def test_a_file_without_a_hash_is_not_trusted(hub, client, files) -> None:
    hub.add("acme/judge", files)
    facts = inspect(client(hub), "acme/judge")
    bare = [file.model_copy(update={"sha256": None, "blob": None}) for file in facts.files]
    with pytest.raises(RepositoryLied, match=r"gives no hash for config\.json"):
        needed_files(facts.model_copy(update={"files": tuple(bare)}))


def test_facts_made_elsewhere_do_not_lead_out_of_the_folder(hub, client, files) -> None:
    hub.add("acme/judge", files)
    facts = inspect(client(hub), "acme/judge")
    evil = facts.files[0].model_copy(update={"path": "../../evil.safetensors"})
    changed = facts.model_copy(update={"files": (evil,), "weights": (evil.path,)})
    assert needed_files(changed, code=True) == []


def test_two_downloads_at_once_take_turns(hub, client, files) -> None:
    hub.add("acme/judge", files)
    askings = [client(hub) for _ in range(4)]
    facts = inspect(askings[0], "acme/judge")
    fetched: list[int] = []
    threads = [
        threading.Thread(target=lambda asking=asking: fetched.append(download(asking, facts, max_bytes=MUCH).fetched))
        for asking in askings
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fetched)[:3] == [0, 0, 0]
    assert len(fetched) == 4
