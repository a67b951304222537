"""Exported folders to and from a Hub on the loopback."""

import importlib.util
import sys
from pathlib import Path

import pytest

from ravelar.tools.adopted.folder import INDEX, export_folder, read_folder
from ravelar.tools.adopted.sharing import pull_folder, push_folder
from ravelar.tools.errors import HubUnreachable, InputError, RepositoryRefused

SERVER = Path(__file__).parents[1] / "hub" / "hub_server.py"


@pytest.fixture
def hub():
    if not SERVER.exists():
        pytest.skip("the loopback Hub, tests/hub/hub_server.py, is not here yet")
    name = "tests_hub_hub_server"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, SERVER)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    with sys.modules[name].HubServer() as hub:
        hub.access.add("hf_x")
        yield hub


@pytest.fixture
def folder(tmp_path, make_entry):
    export_folder([make_entry(), make_entry("dates")], tmp_path / "shared")
    return tmp_path / "shared"


def test_what_is_pushed_is_pulled_at_its_commit(hub, folder, tmp_path):
    (folder / "notes.txt").write_text("not for others")
    (folder / "haiku" / ".env").write_text("TOKEN=1")
    url = push_folder(folder, "me/rewards", endpoint=hub.url, token="hf_x")
    commit = pull_folder("me/rewards", tmp_path / "pulled", endpoint=hub.url, token="hf_x")
    assert url.endswith(commit)
    assert read_folder(tmp_path / "pulled") == read_folder(folder)
    assert not (tmp_path / "pulled" / "notes.txt").exists()
    assert not (tmp_path / "pulled" / "haiku" / ".env").exists()


def test_what_is_pushed_is_private_unless_said(hub, folder, tmp_path):
    push_folder(folder, "me/rewards", endpoint=hub.url, token="hf_x")
    with pytest.raises(HubUnreachable):
        pull_folder("me/rewards", tmp_path / "pulled", endpoint=hub.url, token="hf_other")
    push_folder(folder, "me/open", private=False, endpoint=hub.url, token="hf_x")
    pull_folder("me/open", tmp_path / "pulled", endpoint=hub.url, token="hf_other")


def test_an_earlier_commit_can_be_pulled(hub, folder, tmp_path, make_entry):
    push_folder(folder, "me/rewards", endpoint=hub.url, token="hf_x")
    first = pull_folder("me/rewards", tmp_path / "one", endpoint=hub.url, token="hf_x")
    export_folder([make_entry(source="two")], folder)
    push_folder(folder, "me/rewards", endpoint=hub.url, token="hf_x")
    pull_folder("me/rewards", tmp_path / "two", revision=first, endpoint=hub.url, token="hf_x")
    assert read_folder(tmp_path / "one") == read_folder(tmp_path / "two")


def test_a_repository_without_tools_is_refused_before_anything_is_downloaded(hub, tmp_path):
    hub.add("some/model", {"model.safetensors": b"x" * 1000})
    with pytest.raises(RepositoryRefused, match=INDEX):
        pull_folder("some/model", tmp_path / "pulled", endpoint=hub.url)
    assert not (tmp_path / "pulled").exists()


def test_a_hub_that_is_not_there_and_a_bad_name_are_told_apart(hub, folder, tmp_path):
    with pytest.raises(HubUnreachable, match="nobody/nothing"):
        pull_folder("nobody/nothing", tmp_path / "pulled", endpoint=hub.url)
    with pytest.raises(InputError, match="no repository's name"):
        pull_folder("not a name", tmp_path / "pulled", endpoint=hub.url)
    with pytest.raises(HubUnreachable, match="me/rewards"):
        push_folder(folder, "me/rewards", endpoint="http://127.0.0.1:1", token="hf_x")


def test_a_damaged_folder_is_not_pushed(folder):
    (folder / "haiku" / "verifier.py").write_text("x = 1\n")
    with pytest.raises(InputError, match="the index says"):
        push_folder(folder, "me/rewards", endpoint="http://127.0.0.1:1")
