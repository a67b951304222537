"""The sandbox tells the truth about itself: what is open is found, named, and refused unless accepted by name."""

import sys

import pytest

from ravelar.tools.sandbox.errors import SandboxUnavailable
from ravelar.tools.sandbox.layers import ALL_LAYERS, LAYERS, NAMESPACES
from ravelar.tools.sandbox.local import LocalSandbox
from ravelar.tools.sandbox.parent_link import ParentLink
from ravelar.tools.sandbox.profiles import PROFILES, Profile
from ravelar.tools.sandbox.protocol import Call, Program
from ravelar.tools.sandbox.selftest import ESSENTIAL, SelfTest, require

PROGRAM = Program("def verify(): return 1.0")


def test_with_all_layers_nothing_essential_is_open(sandbox):
    found = sandbox.self_test()
    assert found.essential == []
    assert set(found.layers) <= set(LAYERS)
    assert found.layers["seccomp"] == ""


@pytest.mark.parametrize("profile", ["math", "text"])
def test_profiles_that_may_read_their_libraries_are_as_tight(sandbox, profile):
    assert sandbox.self_test(profile).open == {}


def test_seccomp_alone_closes_everything_essential():
    with LocalSandbox(layers={"seccomp"}) as sandbox:
        assert sandbox.self_test().essential == []
        assert sandbox.run(PROGRAM, [Call()])[0].value == 1.0


@pytest.mark.parametrize(
    ("layers", "opened"),
    [
        (frozenset(), {"files_read", "network", "unix_sockets", "fork", "execute", "signals"}),
        ({"landlock"}, {"fork", "execute"}),
        (ALL_LAYERS - {"seccomp"}, {"fork", "execute"}),
        (NAMESPACES, {"fork", "execute"}),
    ],
    ids=["none", "landlock", "all-but-seccomp", "namespaces"],
)
def test_without_seccomp_it_refuses_and_names_what_is_open(layers, opened):
    with LocalSandbox(layers=layers) as sandbox, pytest.raises(SandboxUnavailable) as refusal:
        sandbox.run(PROGRAM, [Call()])
    text = str(refusal.value)
    assert all(f"  {name}: a program {ESSENTIAL[name]}" in text for name in opened)
    assert "system-call allow-list" in text
    assert "switched off" in text
    assert "E2B" in text
    assert "accept_open=" in text


def test_a_weaker_level_is_accepted_by_name_and_is_in_the_name():
    with LocalSandbox(layers=(), accept_open=ESSENTIAL) as sandbox:
        assert sandbox.run(PROGRAM, [Call()])[0].value == 1.0
        assert sandbox.name.startswith("local (weaker: ")
        assert "network" in sandbox.name


def test_accepting_one_hole_does_not_accept_another():
    with (
        LocalSandbox(layers=(), accept_open={"network"}) as sandbox,
        pytest.raises(SandboxUnavailable, match="files_read"),
    ):
        sandbox.run(PROGRAM, [Call()])


def test_a_hole_that_does_not_exist_is_not_accepted():
    with pytest.raises(ValueError, match="no essential probe 'networks'"):
        LocalSandbox(accept_open={"networks"})


def test_a_layer_that_failed_says_why():
    test = SelfTest({"seccomp": "prctl 22: Invalid argument"}, {"fork": "fork"})
    with pytest.raises(SandboxUnavailable, match="Invalid argument") as refusal:
        require(test, frozenset())
    assert "CONFIG_SECCOMP_FILTER" in str(refusal.value)


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_offered_e2b(monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(SandboxUnavailable, match=r"needs Linux.*E2B"):
        LocalSandbox()


def test_a_profile_whose_modules_are_missing_says_which():
    with (
        LocalSandbox(profiles={"core": Profile("core", modules=("no_such_module",))}) as sandbox,
        pytest.raises(SandboxUnavailable, match=r"'no_such_module'.*install it"),
    ):
        sandbox.run(PROGRAM, [Call()])


def test_a_profile_that_starts_threads_is_refused(tmp_path, monkeypatch):
    (tmp_path / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with (
        LocalSandbox(profiles={"core": Profile("core", modules=("threaded",))}) as sandbox,
        pytest.raises(SandboxUnavailable, match="started 1 threads"),
    ):
        sandbox.run(PROGRAM, [Call()])


def test_an_interpreter_that_is_not_there_is_named():
    with pytest.raises(SandboxUnavailable, match="/no/python"):
        ParentLink(PROFILES["core"], ALL_LAYERS, python="/no/python")
