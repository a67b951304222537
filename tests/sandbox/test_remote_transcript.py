"""What a remote machine reports, honest or taken over, and what is made of it."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.sandbox.errors import SandboxUnavailable
from ravelar.tools.sandbox.frames import BadFrame
from ravelar.tools.sandbox.profiles import PROFILES
from ravelar.tools.sandbox.protocol import Call, Limits, Program
from ravelar.tools.sandbox.remote.payload import Order
from ravelar.tools.sandbox.remote.transcript import GuestFailed, Transcript, name_status

PIECES = st.sampled_from(
    ["ready", "unready", "stumbled", "frame", "again", "ended", "flood", "done", "", "x", "AAAA", 0, True, None, 1e9]
)
STATUSES = st.dictionaries(st.sampled_from(["status", "oom", "lived_on", "x"]), st.integers(-9, 1 << 40), max_size=3)
FRAMES = st.recursive(PIECES, lambda inner: st.lists(inner, max_size=12), max_leaves=20).map(
    lambda message: base64.b64encode(json.dumps(message).encode()).decode()
)
EVENTS = st.lists(PIECES | STATUSES | FRAMES, max_size=4) | st.tuples(st.just("frame"), FRAMES)


def _order(count: int, solo: bool) -> Order:
    program = Program("", returns="literal")
    return Order(program, [Call()] * count, Limits(), PROFILES["core"], nonce="N" * 32, seal="s", solo=solo)


@pytest.mark.slow
@given(st.lists(EVENTS, max_size=12), st.integers(1, 4), st.booleans())
def test_no_report_answers_more_calls_than_there_are(events: list[Any], count: int, solo: bool) -> None:
    reader = Transcript(_order(count, solo), grace_s=1.0)
    try:
        for event in [["ready", []], *events]:
            reader.feed(f"\n{'N' * 32} {json.dumps(event)}\n")
    except (BadFrame, SandboxUnavailable, GuestFailed):
        pass
    assert len(reader.outcomes) <= count
    assert all(outcome.value is None for outcome in reader.outcomes)  # no seal, no value


@given(st.text(max_size=200), st.integers(1, 40))
def test_lines_without_the_nonce_mean_nothing_however_they_are_cut(noise: str, size: int) -> None:
    reader = Transcript(_order(1, False), grace_s=1.0)
    text = f'{noise}\n["done"]\n{"M" * 32} ["ready", []]\n{noise}\n{"N" * 32} ["ready", []]\n{noise}'
    for start in range(0, len(text), size):
        reader.feed(text[start : start + size])
    assert reader.loading
    assert not reader.outcomes


def test_frames_with_the_seal_are_judged_as_those_of_the_local_sandbox() -> None:
    for form, expected in [(0.5, 0.5), ("0.5", None), (2.0, None), (True, 1.0)]:
        order = Order(Program(""), [Call()], Limits(), PROFILES["core"], nonce="N" * 32, seal="s")
        reader = Transcript(order, grace_s=1.0)
        loaded = ["s", -1, None, 0.0, 0.0, None, "", "", "", False, False]
        try:
            for event in [["ready", []], _frame(loaded), _frame(["s", 0, form, 0.0, 0.0]), ["done"]]:
                reader.feed(f"{'N' * 32} {json.dumps(event)}\n")
        except BadFrame:
            assert expected is None
        else:
            assert reader.finished
            assert reader.outcomes[0].value == expected


def _frame(message: list[Any]) -> list[str]:
    return ["frame", base64.b64encode(json.dumps(message).encode()).decode()]


def test_a_machine_that_can_not_cut_the_network_off_says_so() -> None:
    reader = Transcript(_order(1, False), grace_s=1.0)
    reader.feed(f"{'N' * 32} {json.dumps(['ready', ['network', 'forged words']])}\n")
    assert reader.weaknesses == {"network"}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"status": 77 << 8}, "memory"),
        ({"status": 3 << 8}, "crash"),
        ({"status": 11}, "crash"),
        ({"status": 27}, "timeout"),
        ({"status": 9, "oom": True}, "memory"),
        ({"status": 9, "oom": False}, "crash"),
        ({"status": 9, "lived_on": True}, "crash"),
    ],
)
def test_an_exit_status_has_its_name(status: dict[str, Any], reason: str) -> None:
    assert name_status(status, cpu_s=1.0)[0] == reason


@pytest.mark.parametrize("status", [{}, {"status": None}, {"status": -1}, {"status": True}, {"status": 1 << 20}])
def test_an_exit_status_that_is_none_is_a_violation(status: dict[str, Any]) -> None:
    with pytest.raises(BadFrame):
        name_status(status, cpu_s=1.0)


@pytest.mark.slow
@given(events=st.lists(EVENTS, max_size=4))
def test_a_flood_is_cut_off(events: list[Any]) -> None:
    reader = Transcript(_order(1, False), grace_s=1.0)
    with suppress(GuestFailed, SandboxUnavailable), pytest.raises(BadFrame):
        for _ in range(100):
            reader.feed("x" * 1_000_000 + json.dumps(events))
