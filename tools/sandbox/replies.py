"""Frames from a worker, judged: an outcome, or a violation. Nothing in them is believed beyond its own call."""

import re
from typing import Any, get_args

from ravelar.tools.sandbox.frames import BadFrame, parse
from ravelar.tools.sandbox.protocol import Outcome, Program, Reason
from ravelar.tools.sandbox.values import BadValue, OutOfRange, as_reward, decode, is_tagged

LOADING = -1
_SHORT, _WHOLE = 5, 11
_CLAIMABLE = frozenset(get_args(Reason)) - {"timeout", "crash", "protocol"}
_MESSAGE_CHARACTERS = 600
_LONGEST_S = 1e9
_SHORT_REWARD = re.compile(
    rb'\["([0-9a-f]{16})",([0-9]{1,9}),(-?[0-9]{1,3}(?:\.[0-9]{1,20})?(?:e-?[0-9]{1,3})?),([0-9]{1,9}\.[0-9]{7}),([0-9]{1,9}\.[0-9]{7})\]'
)


def read_reply(body: bytes | bytearray, nonce: str, index: int, program: Program, kept: int) -> tuple[Outcome, bool]:
    """Return what a frame says of one call, and whether the worker calls itself damaged.

    Args:
        body: The frame's body.
        nonce: The batch's nonce: a frame that was written before, or without reading it, lacks it.
        index: The call that is under way, `LOADING` for a load.
        program: Its return-type policy decides what a value may be.
        kept: How many characters of each output are kept.

    Raises: BadFrame: for anything that the worker's own loop would not write now.
    """
    if (short := _SHORT_REWARD.fullmatch(body)) and program.returns == "reward" and index != LOADING:
        return _reward(short, nonce, index), False
    message = parse(body)
    if type(message) is not list or len(message) not in (_SHORT, _WHOLE):
        raise BadFrame("a frame of another shape")
    if message[0] != nonce or type(message[1]) is not int or message[1] != index:
        raise BadFrame("a frame for another call")
    wall_s, cpu_s = _duration(message[3]), _duration(message[4])
    if len(message) == _SHORT:
        return _value(message[2], program, index, (wall_s, cpu_s)), False
    return _whole(message, program, index, kept)


def _reward(short: "re.Match[bytes]", nonce: str, index: int) -> Outcome:
    """Return the outcome of the one kind of frame that there are thousands of a second of."""
    sent_nonce, sent_index, value, wall_s, cpu_s = short.groups()
    if sent_nonce.decode("ascii") != nonce or int(sent_index) != index:
        raise BadFrame("a frame for another call")
    reward = float(value)
    if not 0.0 <= reward <= 1.0:
        raise BadFrame("a forged value: out of range")
    return Outcome(reward, wall_s=float(wall_s), cpu_s=float(cpu_s))


def _duration(number: Any) -> float:
    """Return a time in seconds."""
    if type(number) not in (int, float) or not 0 <= number < _LONGEST_S:
        raise BadFrame("a time that is none")
    return float(number)


def _value(form: Any, program: Program, index: int, times: tuple[float, float]) -> Outcome:
    """Return the outcome of a call that has a value, by the program's policy."""
    wall_s, cpu_s = times
    if index == LOADING or program.kind == "script":
        if form is not None:
            raise BadFrame("a value where there is none")
        return Outcome(wall_s=wall_s, cpu_s=cpu_s)
    try:
        value = as_reward(form) if program.returns == "reward" else decode(form)
    except (
        BadValue,
        OutOfRange,
        RecursionError,
    ) as error:  # an honest worker has checked it: this one was written by the program
        raise BadFrame(f"a forged value: {error}") from error
    if program.returns == "json" and is_tagged(form):
        return Outcome(reason="bad_type", message="returned a value that is no JSON", wall_s=wall_s, cpu_s=cpu_s)
    return Outcome(value, wall_s=wall_s, cpu_s=cpu_s)


def _whole(message: list[Any], program: Program, index: int, kept: int) -> tuple[Outcome, bool]:
    """Return the outcome of a frame with reason, message, output and damage."""
    form, wall_s, cpu_s, reason, words, stdout, stderr, truncated, damaged = message[2:]
    if not all(type(text) is str for text in (words, stdout, stderr)):
        raise BadFrame("output that is no text")
    if type(truncated) is not bool or type(damaged) is not bool:
        raise BadFrame("a flag that is none")
    value = None
    if reason is None:
        plain = _value(form, program, index, (float(wall_s), float(cpu_s)))
        value, reason, words = plain.value, plain.reason, plain.message
    elif type(reason) is not str or reason not in _CLAIMABLE or (reason == "load") != (index == LOADING):
        raise BadFrame("a reason that a worker does not give")
    outcome = Outcome(
        value, reason, words[:_MESSAGE_CHARACTERS], stdout[:kept], stderr[:kept], truncated, float(wall_s), float(cpu_s)
    )
    return outcome, damaged
