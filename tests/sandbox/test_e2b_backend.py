"""The E2B backend, over HTTP: the real client against a service on the loopback, or against E2B itself.

    RAVELAR_E2B_LIVE=1 E2B_API_KEY=e2b_... pytest tests/sandbox/test_e2b_backend.py -k live

runs against the service what can be run there (E2B_DOMAIN, E2B_API_URL, E2B_SANDBOX_URL and
RAVELAR_E2B_TEMPLATE are heeded too). Nothing else in this file needs a key. pytest-socket does not see this
client, whose sockets are Rust's: that the loopback is not left rests on the two addresses given here.
"""

import asyncio
import importlib.util
import json
import logging
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.sandbox.e2b_backend import E2bSandbox
from ravelar.tools.sandbox.errors import SandboxBroken, SandboxClosed, SandboxError, SandboxUnavailable
from ravelar.tools.sandbox.profiles import Profile
from ravelar.tools.sandbox.protocol import Call, Limits, Program, Sandbox
from ravelar.tools.sandbox.remote import client, transcript, voyage

pytest.importorskip("e2b_code_interpreter", reason="the package e2b-code-interpreter is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the loopback machines are Linux processes"),
]

SERVER_FILE = Path(__file__).with_name("e2b_server.py")
_spec = importlib.util.spec_from_file_location("e2b_server", SERVER_FILE)
fake = sys.modules["e2b_server"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fake)
Fault, KEY = fake.Fault, fake.KEY

# Read here, before the environment of the tests is scrubbed.
LIVE_OPTIONS = {
    "api_key": os.environ.get("E2B_API_KEY") if os.environ.get("RAVELAR_E2B_LIVE") == "1" else None,
    "domain": os.environ.get("E2B_DOMAIN"),
    "api_url": os.environ.get("E2B_API_URL"),
    "sandbox_url": os.environ.get("E2B_SANDBOX_URL"),
    "template": os.environ.get("RAVELAR_E2B_TEMPLATE"),
}
NEEDS_KEY = pytest.mark.skipif(
    not LIVE_OPTIONS["api_key"], reason="runs against E2B itself with RAVELAR_E2B_LIVE=1 and E2B_API_KEY"
)
LIVE = pytest.param("live", marks=[NEEDS_KEY, pytest.mark.timeout(600)])

FAST = Limits(wall_s=2.0, cpu_s=2.0)
EXEC = "import math, os, sys, time\ndef verify(code, reference=None):\n    exec(code, globals())\n    return 1.0\n"
EVAL = "def verify(code):\n    return eval(code)\n"
SLOW = "import time\ndef verify(x):\n    time.sleep(0.15)\n    return x\n"

Open = Callable[..., E2bSandbox]


@pytest.fixture
def server() -> Iterator[Any]:
    running = fake.E2bServer()
    yield running
    left = list(running.machines)
    running.stop()
    assert not left, f"machines left behind: {left}"


@pytest.fixture
def open_sandbox(server: Any) -> Iterator[Open]:
    """Open sandboxes on the loopback; they are closed at the end."""
    yield from _opener({"api_key": KEY, "api_url": server.url, "sandbox_url": server.url, "grace_s": 2.0})


@pytest.fixture(params=["loopback", LIVE])
def anywhere(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open sandboxes on the loopback, and on E2B if there is a key."""
    if request.param == "live":
        yield from _opener(LIVE_OPTIONS)
    else:
        yield from _opener_of(request)


def _opener_of(request: pytest.FixtureRequest) -> Iterator[Open]:
    yield request.getfixturevalue("open_sandbox")


def _opener(options: dict[str, Any]) -> Iterator[Open]:
    opened: list[E2bSandbox] = []

    def open_one(**more: Any) -> E2bSandbox:
        opened.append(E2bSandbox(**{**options, **more}))
        return opened[-1]

    yield open_one
    for sandbox in opened:
        sandbox.close()


def run_one(sandbox: E2bSandbox, code: str, limits: Limits = FAST, **program: Any) -> Any:
    return sandbox.run(Program(EXEC, **program), [Call((code,))], limits)[0]


# --- values and reasons: here and on E2B ---------------------------------------------------------


def test_it_is_a_sandbox_and_says_its_name(open_sandbox: Open) -> None:
    sandbox = open_sandbox()
    assert isinstance(sandbox, Sandbox)
    assert sandbox.name == "e2b"
    assert open_sandbox(allow_internet_access=True).name == "e2b (weaker: internet)"
    assert KEY not in repr(sandbox) + repr(vars(sandbox)) + repr(vars(sandbox._engine))


@pytest.mark.parametrize(
    ("returns", "expression", "value"),
    [
        ("reward", "True", 1.0),
        ("reward", "0", 0.0),
        ("reward", "0.25", 0.25),
        ("json", "{'a': [1, None, 'é\\ud800']}", {"a": [1, None, "é\ud800"]}),
        ("literal", "(1, {2, 3}, b'x', 1j, {(1,): None})", (1, {2, 3}, b"x", 1j, {(1,): None})),
        ("literal", "10**200", 10**200),
    ],
)
def test_values_come_back_as_the_policy_has_them(anywhere: Open, returns: str, expression: str, value: object) -> None:
    (outcome,) = anywhere().run(Program(EVAL, returns=returns), [Call((expression,))], FAST)
    assert outcome.ok, outcome
    assert outcome.value == value
    assert type(outcome.value) is type(value)


@pytest.mark.parametrize(
    ("returns", "expression", "reason"),
    [
        ("reward", "float('nan')", "bad_type"),
        ("reward", "float('inf')", "bad_type"),
        ("reward", "'1.0'", "bad_type"),
        ("reward", "-0.1", "out_of_range"),
        ("reward", "10**5000", "out_of_range"),
        ("literal", "10**5000", "bad_type"),
        ("json", "(1, 2)", "bad_type"),
        ("json", "'x' * 3_000_000", "bad_type"),
        ("literal", "object()", "bad_type"),
        ("reward", "1 / 0", "raised"),
        ("reward", "exit()", "raised"),
        ("reward", "__import__('os')._exit(0)", "crash"),
        ("reward", "__import__('os').abort()", "crash"),
        ("reward", "__import__('time').sleep(9)", "timeout"),
        ("reward", "[0 for _ in iter(int, 1)]", "timeout"),
        ("reward", "__import__('os').write(3, b'\\xff\\xff\\xff\\xff')", "protocol"),
        ("reward", "__import__('os').write(3, b'\\0\\0\\0\\x09[\"x\",0,1]') * 0", "protocol"),
    ],
)
def test_whatever_a_call_does_has_its_name(anywhere: Open, returns: str, expression: str, reason: str) -> None:
    calls = [Call(("1",)), Call((expression,)), Call(("0",))]
    first, outcome, last = anywhere().run(Program(EVAL, returns=returns), calls, Limits(wall_s=1.0, cpu_s=0.9))
    assert outcome.reason == reason, outcome
    assert outcome.value is None
    assert outcome.message
    assert (first.value, last.value) == (1, 0)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def verify(:", "load"),
        ("1 / 0", "load"),
        ("verify = 3", "load"),
        ("import os; os._exit(0)", "crash"),
        ("import time; time.sleep(9)", "timeout"),
        ("import os; os.write(3, b'\\0\\0\\0\\1a')", "protocol"),
    ],
)
def test_a_program_that_does_not_load_answers_every_call(anywhere: Open, source: str, reason: str) -> None:
    outcomes = anywhere().run(Program(source), [Call(("a", "b"))] * 3, Limits(load_s=1.0))
    assert [outcome.reason for outcome in outcomes] == [reason] * 3, outcomes


def test_memory_is_limited(anywhere: Open) -> None:
    hoard = "kept = []\nwhile True: kept.append(bytearray(1 << 20))"
    outcome = run_one(anywhere(), hoard, Limits(memory_mb=64))
    assert outcome.reason == "memory", outcome


def test_scripts_read_stdin_and_print(anywhere: Open) -> None:
    source = "import sys\nname = input()\nprint('hello', name)\nprint('oh', file=sys.stderr)\n"
    outcomes = anywhere().run(Program(source, kind="script"), [Call(stdin="Ada\n"), Call(stdin="Bob\n")], FAST)
    assert [outcome.stdout for outcome in outcomes] == ["hello Ada\n", "hello Bob\n"]
    assert outcomes[0].stderr == "oh\n"
    assert outcomes[0].ok


def test_what_is_printed_is_kept_bounded_and_never_a_value(anywhere: Open) -> None:
    code = "print('[\"frame\", 1.0]\\n[\"done\"]', flush=True); print('x' * 100_000)"
    outcome = run_one(anywhere(), code, Limits(output_bytes=1000))
    assert outcome.value == 1.0
    assert outcome.stdout.startswith('["frame", 1.0]\n["done"]\nxxx')
    assert len(outcome.stdout) == 1000
    assert outcome.truncated


def test_arguments_arrive_exactly(anywhere: Open) -> None:
    arguments = ((1, 2.5, "\ud800\0é"), {"k": {1, 2}}, b"\xff", math.inf, 10**50, None, True)
    source = "def verify(*a):\n    return repr(a) == " + repr(repr(arguments)) + "\n"
    assert anywhere().run(Program(source), [Call(arguments)], FAST)[0].value == 1.0


def test_no_calls_need_no_machine(server: Any, open_sandbox: Open) -> None:
    assert open_sandbox().run(Program(EVAL), []) == []
    assert server.requests == []


@pytest.mark.parametrize("isolation", ["per_call", "per_tool"])
def test_calls_that_kill_their_process_do_not_touch_their_neighbours(anywhere: Open, isolation: str) -> None:
    calls = [Call(("os._exit(1)" if index % 3 == 0 else "pass",)) for index in range(9)]
    outcomes = anywhere().run(Program(EXEC, isolation=isolation), calls, FAST)
    assert [outcome.reason for outcome in outcomes] == ["crash", None, None] * 3, outcomes


def test_the_program_has_no_key_no_environment_no_privilege_and_leaves_nobody(anywhere: Open) -> None:
    code = (
        "seen = dict(os.environ)\nassert not [k for k in seen if 'E2B' in k or 'KEY' in k], seen\n"
        "import subprocess\nchild = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        "assert 'NoNewPrivs:\\t1' in open('/proc/self/status').read()\n"
        "print(child.pid)"
    )
    sandbox = anywhere()
    outcome = run_one(sandbox, code, isolation="per_tool")
    assert outcome.ok, outcome
    gone = f"time.sleep(0.2)\nassert not os.path.exists('/proc/{int(outcome.stdout)}/exe') or os.getuid() == 0"
    again = run_one(sandbox, gone, isolation="per_tool")
    assert again.ok, again


def test_the_machines_own_servers_are_out_of_reach_or_the_name_says_so(server: Any, open_sandbox: Open) -> None:
    sandbox = open_sandbox()
    outcome = run_one(sandbox, f"import socket\nsocket.create_connection(('127.0.0.1', {server.server_port}), 1)")
    assert outcome.reason == "raised" or sandbox.name == "e2b (weaker: network)"


def _attacks(shared: Callable[[str], Path]) -> list[dict[str, Any]]:
    lines = shared("attacks/attacks.jsonl").read_text(encoding="utf-8").splitlines()
    return [attack for attack in map(json.loads, lines) if attack["kind"] == "verifier"]


WORDS = {"raised": "raise", "memory": "raise", "out_of_range": "range", "bad_type": "badtype"}


@pytest.mark.parametrize("isolation", ["per_call", "per_tool"])
def test_harmless_attacks_end_as_expected(anywhere: Open, shared: Callable[[str], Path], isolation: str) -> None:
    harmless = ("ret-", "end-", "cand-", "forge-", "res-evil")  # the loopback has no wall: nothing that tries the host
    attacks = [attack for attack in _attacks(shared) if attack["id"].startswith(harmless)]
    assert len(attacks) > 20
    sandbox, wrong = anywhere(), []
    for attack in attacks:
        program = Program(attack["code"], isolation=isolation)
        (outcome,) = sandbox.run(program, [Call((attack["response"], attack["reference"]))], FAST)
        word = f"v={outcome.value}" if outcome.ok else WORDS.get(outcome.reason, outcome.reason)
        if word not in attack["expected_outcome"].split("|"):
            wrong.append((attack["id"], attack["expected_outcome"], outcome))
    assert not wrong


@NEEDS_KEY
@pytest.mark.timeout(900)
def test_live_every_attack_is_survived(shared: Callable[[str], Path]) -> None:
    """Outcomes differ where the machine, not the process, is the wall: docs/threat-model-e2b.md says where."""
    with E2bSandbox(**LIVE_OPTIONS) as sandbox:
        for attack in _attacks(shared):
            program = Program(attack["code"].replace("@PORT@", "1"))
            (outcome,) = sandbox.run(program, [Call((attack["response"], attack["reference"]))], FAST)
            print(json.dumps({"id": attack["id"], "expected": attack["expected_outcome"], "outcome": repr(outcome)}))
        assert run_one(sandbox, "pass").value == 1.0


# --- many at once ---------------------------------------------------------------------------------


def test_async_runs_overlap_and_keep_to_the_width(server: Any, open_sandbox: Open) -> None:
    sandbox = open_sandbox(concurrency=3)

    async def all_of_them() -> list[Any]:
        runs = [sandbox.arun(Program(SLOW + f"# {n}"), [Call((0.5,))], FAST) for n in range(7)]
        return await asyncio.gather(*runs)

    assert [outcomes[0].value for outcomes in asyncio.run(all_of_them())] == [0.5] * 7
    assert server.most_busy == 3


def test_threads_share_a_sandbox(open_sandbox: Open) -> None:
    sandbox, values = open_sandbox(concurrency=2), {}

    def work(number: int) -> None:
        values[number] = sandbox.run(Program(EVAL, isolation="per_tool"), [Call((f"{number} / 10",))], FAST)[0].value

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values == {number: number / 10 for number in range(6)}


def test_many_calls_come_back_in_order(open_sandbox: Open) -> None:
    calls = [Call((f"{n} / 200",)) for n in range(200)]
    outcomes = open_sandbox().run(Program(EVAL, isolation="per_tool"), calls, FAST)
    assert [outcome.value for outcome in outcomes] == [n / 200 for n in range(200)]


# --- one machine, one program ---------------------------------------------------------------------


def test_a_per_call_program_never_finds_a_used_machine(server: Any, open_sandbox: Open) -> None:
    sandbox = open_sandbox()
    for _ in range(3):
        assert run_one(sandbox, "pass").ok
    assert [machine.cells for machine in server.every_machine] == [1, 1, 1]


def test_a_per_tool_program_keeps_its_machine_and_shares_it_with_none(server: Any, open_sandbox: Open) -> None:
    sandbox = open_sandbox()
    for number in (1, 2, 1, 2, 1):
        program = Program(EVAL + f"# {number}", isolation="per_tool")
        assert sandbox.run(program, [Call(("1",))], FAST)[0].ok
    assert sorted(machine.cells for machine in server.every_machine) == [2, 3]


def test_idle_machines_make_room(server: Any, open_sandbox: Open) -> None:
    sandbox = open_sandbox(concurrency=2)
    for number in range(5):
        program = Program(EVAL + f"# {number}", isolation="per_tool")
        assert sandbox.run(program, [Call(("1",))], FAST)[0].ok
    assert server.most_machines <= 2
    assert len(server.every_machine) == 5


def test_a_kept_machine_is_replaced_after_its_calls(server: Any, open_sandbox: Open) -> None:
    sandbox = open_sandbox(calls_per_machine=2)
    for _ in range(4):
        assert run_one(sandbox, "pass", isolation="per_tool").ok
    assert [machine.cells for machine in server.every_machine] == [2, 2]


def test_a_machine_lives_as_long_as_its_batch_may_take(server: Any, open_sandbox: Open) -> None:
    sandbox = open_sandbox(lifetime_s=100)
    program = Program(EVAL, isolation="per_tool")
    sandbox.run(program, [Call(("1",))], Limits(wall_s=1, load_s=1))
    sandbox.run(program, [Call(("1",))], Limits(wall_s=400, load_s=1))
    assert [machine.lifetimes for machine in server.every_machine] == [[100, 431]]


def test_machines_have_no_internet_unless_it_is_asked_for(server: Any, open_sandbox: Open) -> None:
    run_one(open_sandbox(template="mine"), "pass")
    run_one(open_sandbox(allow_internet_access=True), "pass")
    created = [machine.created for machine in server.every_machine]
    assert [body["allow_internet_access"] for body in created] == [False, True]
    assert [body["templateID"] for body in created] == ["mine", "code-interpreter-v1"]


# --- the kernel or the machine ends ---------------------------------------------------------------


@pytest.mark.parametrize("kind", ["die", "cut", "short"])
def test_answered_calls_stand_and_the_others_run_again(server: Any, open_sandbox: Open, kind: str) -> None:
    server.faults.append(Fault("POST /execute", kind, frames=3))
    outcomes = open_sandbox().run(Program(SLOW), [Call((n / 8,)) for n in range(6)], FAST)
    assert [outcome.value for outcome in outcomes] == [n / 8 for n in range(6)], outcomes


def test_a_call_that_ends_two_machines_is_blamed_alone(server: Any, open_sandbox: Open) -> None:
    server.faults.append(Fault("POST /execute", "die", frames=3))
    server.faults.append(Fault("POST /execute", "die", frames=1))
    outcomes = open_sandbox().run(Program(SLOW), [Call((n / 8,)) for n in range(6)], FAST)
    assert outcomes[2].reason == "crash", outcomes
    assert [outcome.value for outcome in outcomes if outcome.ok] == [0.0, 1 / 8, 3 / 8, 4 / 8, 5 / 8]
    assert "twice" in outcomes[2].message


def test_a_load_that_ends_two_machines_is_blamed_for_all_calls(server: Any, open_sandbox: Open) -> None:
    loading = Program("import time; time.sleep(0.5)\n" + SLOW)
    server.faults += [Fault("POST /execute", "die"), Fault("POST /execute", "die")]
    outcomes = open_sandbox().run(loading, [Call((1.0,))] * 3, FAST)
    # The kernel may go before the guest is ready, which is nobody's fault but ours; then it all runs again.
    assert {outcome.reason for outcome in outcomes} in ({None}, {"crash"})


def test_silence_is_a_timeout_by_our_own_clock(server: Any, open_sandbox: Open) -> None:
    server.faults += [Fault("POST /execute", "stall", frames=2), Fault("POST /execute", "stall", frames=1)]
    sandbox, began = open_sandbox(grace_s=0.3), time.monotonic()
    outcomes = sandbox.run(Program(SLOW), [Call((n / 4,)) for n in range(4)], Limits(wall_s=0.5, load_s=1.0))
    assert [outcome.reason for outcome in outcomes] == [None, "timeout", None, None], outcomes
    assert time.monotonic() - began < 8


def test_more_output_than_a_batch_can_bring_spoils_it(server: Any, open_sandbox: Open) -> None:
    server.faults.append(Fault("POST /execute", "noise", frames=2))
    outcomes = open_sandbox().run(Program(SLOW), [Call((0.5,))] * 3, FAST)
    assert [outcome.value for outcome in outcomes] == [0.5] * 3, outcomes
    assert server.asked("POST /execute") == 2


# --- the service fails ----------------------------------------------------------------------------


def create(kind: str, status: int = 0, **more: Any) -> Any:
    body = json.dumps({"code": status, "message": f"no, {KEY}"}) if status else ""
    return Fault("POST /v2/sandboxes", kind, status, body, **more)


def execute(kind: str, status: int = 0, **more: Any) -> Any:
    return Fault("POST /execute", kind, status, "not now", **more)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_control_plane_is_asked_again(server: Any, open_sandbox: Open, status: int) -> None:
    server.faults += [create("status", status)] * 2
    assert run_one(open_sandbox(), "pass").ok
    assert server.asked("POST /v2/sandboxes") == 3


def test_retry_after_is_honoured(server: Any, open_sandbox: Open) -> None:
    server.faults.append(create("status", 429, headers={"Retry-After": "1"}))
    began = time.monotonic()
    assert run_one(open_sandbox(), "pass").ok
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize(
    ("faults", "error", "words"),
    [
        ([create("status", 401)], SandboxUnavailable, "refused the API key"),
        ([create("status", 403)], SandboxUnavailable, "refused the API key"),
        ([create("status", 400)], SandboxUnavailable, "does not take the request"),
        ([create("status", 404)], SandboxUnavailable, "does not take the request"),
        ([create("status", 429)] * 4, SandboxBroken, "rate limit"),
        ([create("status", 503)] * 4, SandboxBroken, "busy"),
        ([create("status", 500)], SandboxBroken, "start a machine"),
        ([create("garbage")], SandboxBroken, "JSONDecodeError"),
        ([create("reset")], SandboxBroken, "start a machine"),
        ([execute("status", 401)], SandboxUnavailable, "refused the API key"),
        ([execute("status", 400)], SandboxUnavailable, "does not take the request"),
        ([execute("status", 429)] * 4, SandboxBroken, "rate limit"),
        ([execute("status", 500)] * 4, SandboxBroken, "lost 4 batches"),
        ([execute("status", 503)] * 4, SandboxBroken, "lost 4 batches"),
        ([execute("garbage")] * 4, SandboxBroken, "JSONDecodeError"),
        ([execute("reset")] * 4, SandboxBroken, "lost 4 batches"),
        ([execute("gone")] * 4, SandboxBroken, "not found"),
        ([execute("short")] * 4, SandboxBroken, "ended before the batch did"),
        ([execute("hang")] * 4, SandboxBroken, "no word"),
    ],
)
def test_what_the_service_does_is_never_the_programs_fault(
    server: Any,
    open_sandbox: Open,
    monkeypatch: pytest.MonkeyPatch,
    faults: list[Any],
    error: type[SandboxError],
    words: str,
) -> None:
    monkeypatch.setattr(transcript, "BOOT_S", 0.2)
    monkeypatch.setattr(voyage, "_FIRST_PAUSE_S", 0.01)
    server.faults += faults
    with pytest.raises(error, match=words) as caught:
        open_sandbox(grace_s=0.2).run(Program(EVAL), [Call(("1",))], FAST)
    assert type(caught.value) is error
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None  # a traceback must not show the key either


@pytest.mark.parametrize("kind", ["reset", "garbage", "gone"])
def test_a_batch_that_is_lost_goes_out_again(server: Any, open_sandbox: Open, kind: str) -> None:
    server.faults.append(execute(kind))
    assert run_one(open_sandbox(), "pass").ok
    assert server.asked("POST /v2/sandboxes") == 2


def test_a_service_that_is_not_there_is_unavailable() -> None:
    nowhere = "http://127.0.0.1:9"
    sandbox = E2bSandbox(api_key=KEY, api_url=nowhere, sandbox_url=nowhere)
    with sandbox, pytest.raises(SandboxUnavailable, match="can't be reached"):
        sandbox.run(Program(EVAL), [Call(("1",))])


def test_a_profile_that_the_template_lacks_is_named(open_sandbox: Open) -> None:
    sandbox = open_sandbox(profiles={"rare": Profile("rare", modules=("no_such_module",))})
    with pytest.raises(SandboxUnavailable, match=r"profile 'rare'.*no_such_module.*template="):
        sandbox.run(Program(EVAL, profile="rare"), [Call(("1",))])
    with pytest.raises(ValueError, match="no profile 'core'; known: rare"):
        sandbox.run(Program(EVAL), [Call(("1",))])


# --- nothing is left behind -----------------------------------------------------------------------


def test_closing_kills_kept_machines_and_takes_no_more_runs(server: Any, open_sandbox: Open) -> None:
    sandbox = open_sandbox()
    run_one(sandbox, "pass", isolation="per_tool")
    assert len(server.machines) == 1
    sandbox.close()
    sandbox.close()
    assert not server.machines
    with pytest.raises(SandboxClosed):
        run_one(sandbox, "pass")


def test_closing_during_a_run_ends_it(server: Any, open_sandbox: Open) -> None:
    sandbox = open_sandbox()
    threading.Timer(1.0, sandbox.close).start()
    with pytest.raises(SandboxClosed, match="during the run"):
        run_one(sandbox, "time.sleep(60)", Limits(wall_s=60))
    sandbox.close()


def test_closing_during_an_async_run_is_no_cancellation(server: Any, open_sandbox: Open) -> None:
    sandbox = open_sandbox()

    async def go() -> None:
        asyncio.get_running_loop().call_later(1.0, threading.Thread(target=sandbox.close).start)
        with pytest.raises(SandboxClosed, match="during the run"):
            await sandbox.arun(Program(EXEC), [Call(("time.sleep(60)",))], Limits(wall_s=60))

    asyncio.run(go())
    sandbox.close()


def test_a_sandbox_collected_on_its_own_thread_closes_without_waiting_for_itself(server: Any) -> None:
    sandbox = E2bSandbox(api_key=KEY, api_url=server.url, sandbox_url=server.url)
    run_one(sandbox, "pass", isolation="per_tool")
    thread = sandbox._engine._thread
    sandbox._engine._loop.call_soon_threadsafe(sandbox.close)
    thread.join(10)
    assert not thread.is_alive()
    assert not server.machines


def test_cancelling_a_run_ends_its_machine(server: Any, open_sandbox: Open) -> None:
    sandbox = open_sandbox()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await sandbox.arun(Program(EXEC), [Call(("time.sleep(60)",))], Limits(wall_s=60))

    asyncio.run(give_up())
    _wait_until(lambda: not server.machines)
    assert run_one(sandbox, "pass").ok


def test_a_machine_whose_birth_was_never_told_is_found_and_killed(server: Any, open_sandbox: Open) -> None:
    server.faults.append(create("lost"))
    sandbox = open_sandbox()
    with pytest.raises(SandboxBroken):
        run_one(sandbox, "pass")
    assert len(server.machines) == 1
    sandbox.close()
    assert not server.machines


def test_only_our_own_machines_are_swept(server: Any, open_sandbox: Open) -> None:
    stranger = fake.Machine({"templateID": "t", "timeout": 1, "metadata": {"ravelar_owner": "somebody else"}})
    server.machines[stranger.sandbox_id] = stranger
    sandbox = open_sandbox()
    run_one(sandbox, "pass")
    sandbox.close()
    assert list(server.machines) == [stranger.sandbox_id]
    server.remove(stranger.sandbox_id)


def test_a_kill_that_fails_is_tried_again_and_told(
    server: Any, open_sandbox: Open, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox = open_sandbox()
    server.faults += [Fault("DELETE", "status", 500, "no")] * 2
    with caplog.at_level(logging.WARNING):
        run_one(sandbox, "pass")
        sandbox.close()  # whose search for lost machines finds it
    assert "its lifetime will end it" in caplog.text
    assert not server.machines


def test_a_sandbox_that_is_forgotten_closes_itself(server: Any) -> None:
    sandbox = E2bSandbox(api_key=KEY, api_url=server.url, sandbox_url=server.url)
    run_one(sandbox, "pass", isolation="per_tool")
    assert len(server.machines) == 1
    del sandbox
    _wait_until(lambda: not server.machines)


def test_a_process_that_ends_without_closing_leaves_no_machine(server: Any) -> None:
    code = f"""
from ravelar.tools.sandbox.e2b_backend import E2bSandbox
from ravelar.tools.sandbox.protocol import Call, Program
sandbox = E2bSandbox(api_key={KEY!r}, api_url={server.url!r}, sandbox_url={server.url!r})
print(sandbox.run(Program("def verify(): return 1", isolation="per_tool"), [Call()])[0].value)
raise SystemExit(3)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (3, "1.0\n"), done.stderr
    assert not server.machines


def test_a_forked_process_is_refused_and_kills_nothing(server: Any, open_sandbox: Open) -> None:
    code = f"""
import os
from ravelar.tools.sandbox.e2b_backend import E2bSandbox
from ravelar.tools.sandbox.errors import SandboxUnavailable
from ravelar.tools.sandbox.protocol import Call, Program
with E2bSandbox(api_key={KEY!r}, api_url={server.url!r}, sandbox_url={server.url!r}) as sandbox:
    program = Program("def verify(): return 1", isolation="per_tool")
    sandbox.run(program, [Call()])
    if os.fork() == 0:
        try:
            sandbox.run(program, [Call()])
        except SandboxUnavailable as error:
            print("refused:", error, flush=True)
        sandbox.close()
        os._exit(0)
    os.wait()
    print(sandbox.run(program, [Call()])[0].value)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("refused: this process was forked"), done.stderr
    assert done.stdout.endswith("\n1.0\n")
    assert server.asked("POST /execute") == 2
    assert len(server.every_machine) == 1


def _wait_until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


# --- settings -------------------------------------------------------------------------------------


def test_without_a_key_it_says_which_is_missing() -> None:
    with pytest.raises(SandboxUnavailable, match="E2B_API_KEY"):
        E2bSandbox()


def test_the_key_may_come_from_the_environment(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("E2B_API_KEY", KEY)
    monkeypatch.setenv("E2B_API_URL", server.url)
    monkeypatch.setenv("E2B_SANDBOX_URL", server.url)
    with E2bSandbox() as sandbox:
        assert run_one(sandbox, "pass").ok
    with E2bSandbox(api_key="another") as sandbox, pytest.raises(SandboxUnavailable, match=r"\[key\]"):
        run_one(sandbox, "pass")


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "e2b_code_interpreter", None)
    with pytest.raises(SandboxUnavailable, match=r"pip install 'ravelar\[e2b\]'"):
        E2bSandbox(api_key=KEY)


def test_the_debug_switch_of_the_package_does_not_take_the_machines_away(
    server: Any, open_sandbox: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("E2B_DEBUG", "true")
    assert run_one(open_sandbox(), "pass").ok
    assert server.asked("POST /v2/sandboxes") == 1


def test_importing_the_backend_does_not_load_the_package() -> None:
    code = "import sys, ravelar.tools.sandbox.e2b_backend; sys.exit('e2b' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_foreign_words_are_bounded_and_keyless() -> None:
    account = client.Account(api_key=KEY)
    message = str(client.in_our_words(ValueError(f"{'x' * 290}{KEY}" + "y" * 10_000), "do", account))
    assert len(message) < 400
    assert KEY[:12] not in message


def test_the_loopback_service_keeps_contexts_as_the_client_expects(server: Any) -> None:
    options = {"api_key": KEY, "api_url": server.url, "sandbox_url": server.url}
    sandbox = client.package().Sandbox.create(timeout=60, **options)
    context = sandbox.create_code_context()
    sandbox.run_code("x = 1", context=context)
    assert "".join(sandbox.run_code("print(x)", context=context).logs.stdout) == "1\n"
    assert sandbox.run_code("print(x)").error.name == "NameError"
    sandbox.restart_code_context(context)
    assert sandbox.run_code("print(x)", context=context).error.name == "NameError"
    assert len(sandbox.list_code_contexts()) == 2
    sandbox.remove_code_context(context)
    assert sandbox.run_code("import os; os._exit(1)").error.name == "ContextRestarting"
    sandbox.kill()
