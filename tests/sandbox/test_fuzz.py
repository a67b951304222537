"""A thousand generated attacks on the channel and on return values: nobody else's value changes, nothing leaks."""

import math
import os
import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ravelar.tools.sandbox.frames import pack
from ravelar.tools.sandbox.protocol import Call, Limits, Program

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("busy")]

LIMITS = Limits(wall_s=0.3, cpu_s=1.0, value_bytes=20_000)
RELAXED = settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)

FORGER = Program(
    """
import os, sys
def verify(payload, reward):
    if payload:
        for name, value in sys._getframe(2).f_locals.items():       # whatever the harness has: nonce, index ...
            payload = payload.replace("@" + name + "@", str(value))
        os.write(3, payload.encode("latin-1"))
    return reward
""",
    isolation="per_tool",
)
ECHO = Program("def verify(value): return value", isolation="per_tool")
LITERAL = Program("def verify(value): return value", isolation="per_tool", returns="literal")

NEAR_FRAMES = st.builds(
    lambda nonce, index, rest: pack([nonce, index, *rest]).decode("latin-1"),
    st.sampled_from(["@nonce@", "0" * 16, ""]) | st.text("0123456789abcdef", max_size=16),
    st.integers(-2, 5) | st.none(),
    st.lists(
        st.none() | st.booleans() | st.floats(0, 2) | st.sampled_from(["raised", "timeout", "", "x"]), max_size=10
    ),
)
PAYLOADS = st.binary(min_size=1, max_size=40).map(lambda data: data.decode("latin-1")) | NEAR_FRAMES


@RELAXED
@given(PAYLOADS)
def test_bytes_on_the_channel_change_no_other_calls_value(sandbox, payload):
    calls = [Call(("", 0.25)), Call((payload, 0.5)), Call(("", 0.75))]
    before, forged, after = sandbox.run(FORGER, calls, LIMITS)
    assert (before.value, after.value) == (0.25, 0.75)
    assert forged.value == 0.5 or forged.reason in ("protocol", "timeout")


WIDE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def expected_reward(value):
    """What the policy says, written a second time."""
    if not isinstance(value, (bool, int, float)) or (isinstance(value, float) and not math.isfinite(value)):
        return "bad_type"
    return float(value) if 0 <= value <= 1 else "out_of_range"


@RELAXED
@given(st.lists(WIDE, min_size=1, max_size=20))
def test_any_returned_value_is_judged_by_the_policy(sandbox, values):
    calls = [Call((value,)) for value in values]
    for value, outcome in zip(values, sandbox.run(ECHO, calls, LIMITS), strict=True):
        assert (outcome.value if outcome.ok else outcome.reason) == expected_reward(value)
    for value, outcome in zip(values, sandbox.run(LITERAL, calls, LIMITS), strict=True):
        assert outcome.ok
        assert repr(outcome.value) == repr(value)


RUDE = [
    "import os\ndef verify(n): os._exit(n % 256)",
    "import os\ndef verify(n): os.kill(os.getpid(), 9)",
    "import os\ndef verify(n): os.close(3); return 1.0",
    "import os\ndef verify(n): os.dup2(1, 3); return 1.0",
    "import os\ndef verify(n): os.write(3, b'\\0' * n); os._exit(0)",
    "import ctypes\ndef verify(n): ctypes.string_at(n)",
    "import threading, time\ndef verify(n): threading.Thread(target=time.sleep, args=(9,)).start(); return 1.0",
    "import sys\ndef verify(n): print('x' * n * 1000); sys.stdout.close(); return 1.0",
    "def verify(n): raise BaseException(n)",
    "def verify(n): return verify",
    "def verify(n): return 'x' * n * 1000",
    "verify = 1",
    "def verify(n):\n    global verify\n    del verify\n    return n / 99",
    "import builtins\ndef verify(n): builtins.len = builtins.str = None; return 1.0",
    "import json, sys\ndef verify(n): json.JSONEncoder.encode = sys.exit; return 1.0",
    "x = []\ndef verify(n):\n    while True: x.append('y' * n * 100_000)",
]


@pytest.mark.timeout(300)
def test_rude_programs_leak_no_process_descriptor_or_memory(sandbox, descendants):
    def once():
        for number, source in enumerate(RUDE):
            for isolation in ("per_call", "per_tool"):
                program = Program(source, isolation=isolation)
                assert (
                    len(sandbox.run(program, [Call((number,)), Call((number + 1,))], Limits(wall_s=2, memory_mb=64)))
                    == 2
                )

    def held():
        return len(list(Path("/proc/self/fd").iterdir())), len(descendants(os.getpid()))

    for _ in range(3):
        once()
    (descriptors, processes), memory = held(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(4):
        once()
    now = held()
    assert now[0] <= descriptors + 4
    assert now[1] <= processes + 2  # a worker that was just killed may still be on its way out
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < memory + 20_000
