"""Frames: whatever bytes arrive, there is a message or a BadFrame, and never much memory or time."""

import contextlib
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.sandbox.frames import BadFrame, FrameBuffer, pack, parse
from ravelar.tools.sandbox.protocol import Outcome, Program
from ravelar.tools.sandbox.replies import read_reply

NONCE = "0123456789abcdef"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_bad_frame(data):
    with contextlib.suppress(BadFrame):
        parse(data)


@given(st.lists(json_values, max_size=4), st.lists(st.integers(1, 9), min_size=1))
def test_frames_come_out_as_they_went_in_however_they_are_cut(messages, sizes):
    stream, buffer, got = b"".join(pack(message) for message in messages), FrameBuffer(1 << 20), []
    while stream:
        size = sizes[len(stream) % len(sizes)]
        buffer.feed(stream[:size])
        stream = stream[size:]
        while (body := buffer.next_body()) is not None:
            got.append(parse(body))
    assert got == messages
    assert buffer.empty


@pytest.mark.parametrize(
    "body",
    [b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"9" * 5000, b"[" * 100_000, b'{"a":' * 50_000, b"1 2", b"",
     b"[1,]", b"\xff\xfe", b'"\\ud800', b"[]" + b" " * 9],
)  # fmt: skip
def test_what_is_not_strict_bounded_json_is_refused(body):
    with pytest.raises(BadFrame):
        parse(body)


def test_brackets_in_strings_are_no_depth():
    assert parse(pack(["[" * 1000 + '"\\' + "{" * 1000])[4:]) == ["[" * 1000 + '"\\' + "{" * 1000]


@pytest.mark.parametrize("header", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", (1025).to_bytes(4, "big")])
def test_a_length_out_of_bounds_is_refused_before_anything_is_held(header):
    buffer = FrameBuffer(1024)
    buffer.feed(header)
    with pytest.raises(BadFrame):
        buffer.next_body()


def test_hostile_depth_costs_neither_time_nor_memory():
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(BadFrame):
        parse(b'["\\"' + b'",["' * 200_000)
    assert time.perf_counter() - started < 2
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def reply(*fields):
    return pack(list(fields))[4:]


@given(st.lists(json_values, min_size=4, max_size=12), st.sampled_from(["reward", "json", "literal"]))
@pytest.mark.slow
def test_any_reply_is_an_outcome_or_a_bad_frame(fields, returns):
    body = reply(NONCE, 0, *fields[2:])
    try:
        outcome, damaged = read_reply(body, NONCE, 0, Program("", returns=returns), 100)
    except BadFrame:
        return
    assert isinstance(outcome, Outcome)
    assert type(damaged) is bool
    if outcome.ok and returns == "reward":
        assert type(outcome.value) is float
        assert 0 <= outcome.value <= 1


@pytest.mark.parametrize(
    "fields",
    [
        ("fedcba9876543210", 0, 1.0, 0.0, 0.0),
        (NONCE, 1, 1.0, 0.0, 0.0),
        (NONCE, True, 1.0, 0.0, 0.0),
        (NONCE, 0, 2.0, 0.0, 0.0),
        (NONCE, 0, "1.0", 0.0, 0.0),
        (NONCE, 0, 1.0, -1.0, 0.0),
        (NONCE, 0, 1.0, 0.0),
        (NONCE, 0, 1.0, 10**400, 0.0),
        (NONCE, 0, {"$complex": [10**400, 0]}, 0.0, 0.0),
        (NONCE, 0, None, 0.0, 0.0, "timeout", "", "", "", False, False),
        (NONCE, 0, None, 0.0, 0.0, "load", "", "", "", False, False),
        (NONCE, 0, None, 0.0, 0.0, "raised", 1, "", "", False, False),
        (NONCE, 0, None, 0.0, 0.0, "raised", "", "", "", 0, False),
        {"i": 0, "v": 1.0},
    ],
)
def test_a_reply_that_no_worker_would_write_is_refused(fields):
    body = reply(*fields) if isinstance(fields, tuple) else pack(fields)[4:]
    with pytest.raises(BadFrame):
        read_reply(body, NONCE, 0, Program(""), 100)


@pytest.mark.parametrize("value", [b"1e999", b"1.0.0", b"--1", b"1e", b"-", b"0x1", b"1_0"])
def test_the_fast_path_takes_no_number_that_json_would_not(value):
    body = b'["' + NONCE.encode() + b'",0,' + value + b",0.0000000,0.0000000]"
    with pytest.raises(BadFrame):
        read_reply(body, NONCE, 0, Program(""), 100)


def test_an_honest_reply_is_read():
    body = b'["' + NONCE.encode() + b'",0,0.5,0.1000000,0.2000000]'
    assert read_reply(body, NONCE, 0, Program(""), 100) == (Outcome(0.5, wall_s=0.1, cpu_s=0.2), False)
