"""The sandbox on E2B: programs run in micro-VMs of the service, or of one that you host yourself.

*Covered.* A program runs in a virtual machine with its own kernel, far from this process, its files, its
environment, its network and its memory. No machine ever serves two programs: a `per_call` program gets a
machine that nobody had and nobody will have, for one batch of up to 64 calls; a `per_tool` program keeps its
machines between runs, up to a number of calls. Each batch runs in a process of its own (more, if one dies),
without root's id, without new privileges, without any network (the machine's own servers included), within
limits of memory, processor time, file size and tasks, and with an empty environment. What it prints is never
taken for its value. What it returns is parsed strictly, by the code that parses the local sandbox's replies:
NaN, infinities, huge integers, deep nesting and long values are refused; nothing is unpickled. The deadline is
ours. A forged reply can touch only the calls of its own batch. A machine on which the network can't be cut off
says so, and `name` with it ("weaker: network").

*Not covered.* The service: E2B (or your host) sees the programs and their inputs, can read and change them, and
its hypervisor is the wall. Calls of one batch share a machine and a process, as they do locally. There is no
system-call filter inside the machine, and files are the machine's: a program that breaks its kernel, or where
the network could not be cut off its notebook server, rules that machine, and with it the outcomes of its own
program until the machine is replaced. It could then also send a line without end, whose memory the E2B client
holds until our deadline. E2B's client does not pass Retry-After on from the machines (from the control plane it
does): there we wait by our own measure. After a fork the E2B client hangs, so a forked process is refused: make
the sandbox after the fork, or spawn.
"""

import asyncio
import os
import threading
import weakref
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from ravelar.tools.sandbox.errors import SandboxBroken, SandboxClosed, SandboxUnavailable
from ravelar.tools.sandbox.profiles import PROFILES, Profile
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program
from ravelar.tools.sandbox.remote.client import Account, open_account
from ravelar.tools.sandbox.remote.fleet import Fleet, FleetOptions
from ravelar.tools.sandbox.remote.voyage import Voyage

T = TypeVar("T")
_CLOSED_WITHIN_S = 60.0


class E2bSandbox:
    """Runs programs on E2B.

    One object serves any number of threads and event loops; the work is done on a loop of its own. Close it,
    or use it as a context manager: machines cost money. It also closes when it is collected or the interpreter
    ends, and the service ends forgotten machines after `lifetime_s`.

    Args:
        api_key: The key; by default E2B_API_KEY.
        template: Template to start machines from; by default E2B's code interpreter, which has the profile
            "core". A template for "math" or "text" must have their libraries.
        domain: Domain of a self-hosted service; by default E2B_DOMAIN, or E2B's own.
        api_url: Address of its control plane; by default E2B_API_URL, or what follows from the domain.
        sandbox_url: Address of its machines' proxy; by default E2B_SANDBOX_URL, or what follows from the domain.
        profiles: The profiles that programs may ask for.
        concurrency: How many machines may exist at once.
        allow_internet_access: Whether programs may reach the internet, and with it their own machine's servers: a
            weaker level, named in `name`.
        lifetime_s: How long a machine may live that nobody uses.
        calls_per_machine: After how many calls a kept machine is replaced.
        grace_s: How long the network may take beyond a program's limits before a call counts as hung.
        request_timeout_s: How long one request to the control plane may take, retries included.

    Raises: SandboxUnavailable: if the package or the key is missing.
    """

    def __init__(  # noqa: PLR0913 - settings, all by keyword
        self,
        *,
        api_key: str | None = None,
        template: str | None = None,
        domain: str | None = None,
        api_url: str | None = None,
        sandbox_url: str | None = None,
        profiles: Mapping[str, Profile] = PROFILES,
        concurrency: int = 4,
        allow_internet_access: bool = False,
        lifetime_s: int = 600,
        calls_per_machine: int = 10_000,
        grace_s: float = 10.0,
        request_timeout_s: float = 60.0,
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}: at least one machine is needed")
        account = open_account(
            api_key=api_key,
            domain=domain,
            api_url=api_url,
            sandbox_url=sandbox_url,
            request_timeout_s=request_timeout_s,
        )
        options = FleetOptions(template, concurrency, allow_internet_access, lifetime_s, calls_per_machine)
        self._profiles = dict(profiles)
        self._grace_s = grace_s
        self._engine = _Engine(account, options)
        self._finalizer = weakref.finalize(self, _Engine.close, self._engine)

    @property
    def name(self) -> str:
        """The backend, with what was accepted, or has been found, to be open."""
        weaknesses = self._engine.weaknesses
        return f"e2b (weaker: {', '.join(weaknesses)})" if weaknesses else "e2b"

    def run(self, program: Program, calls: Sequence[Call], limits: Limits | None = None) -> list[Outcome]:
        """Run the calls; return one outcome per call, in order.

        Raises: SandboxUnavailable, SandboxClosed, SandboxBroken: for failures of ours, never of the program's.
        """
        running = self._start(program, calls, limits)
        try:
            return running.result()
        except CancelledError:
            raise SandboxClosed("this sandbox was closed during the run") from None
        finally:
            running.cancel()  # of use after an interrupt alone

    async def arun(self, program: Program, calls: Sequence[Call], limits: Limits | None = None) -> list[Outcome]:
        """Run the calls without blocking the event loop; cancelling it ends the machines. See `run`."""
        running = self._start(program, calls, limits)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise SandboxClosed("this sandbox was closed during the run") from None

    def _start(self, program: Program, calls: Sequence[Call], limits: Limits | None) -> "Future[list[Outcome]]":
        """Set a run going."""
        if program.profile not in self._profiles:
            raise ValueError(f"no profile {program.profile!r}; known: {', '.join(sorted(self._profiles))}")
        profile = self._profiles[program.profile]
        return self._engine.submit(program, list(calls), limits or Limits(), profile, self._grace_s)

    def close(self) -> None:
        """Take no more runs, cancel those under way, and kill every machine.

        Raises: SandboxBroken: if the service does not confirm that in time; lifetimes then end the machines.
        """
        self._finalizer.detach()
        self._engine.close()

    def __enter__(self) -> "E2bSandbox":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


class _Engine:
    """The event loop that everything happens on, in a thread of its own, and the fleet that lives there.

    Apart from the sandbox, so that this can be collected, and close the engine, while the thread runs.

    Args:
        account: In whose name machines are started.
        options: How many, and which.
    """

    def __init__(self, account: Account, options: FleetOptions) -> None:
        self.options = options
        self._account = account
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fleet: Fleet | None = None
        self._thread: threading.Thread | None = None
        self._runs: set[Future[list[Outcome]]] = set()
        self._pid = os.getpid()
        self._closed = False

    def submit(
        self, program: Program, calls: list[Call], limits: Limits, profile: Profile, grace_s: float
    ) -> "Future[list[Outcome]]":
        """Set a run going.

        Raises: SandboxClosed: after `close`. SandboxUnavailable: in a process that was forked since.
        """
        if self._pid != os.getpid():
            raise SandboxUnavailable(
                "this process was forked after its E2B sandbox was made, and E2B's client does not survive that: "
                "make the sandbox after the fork, or start processes by spawn"
            )
        with self._lock:
            if self._closed:
                raise SandboxClosed("this sandbox was closed")
            loop, fleet = self._ensure_loop()
            voyage = Voyage(fleet, program, calls, limits, profile, grace_s)
            running = asyncio.run_coroutine_threadsafe(voyage.run(), loop)
            self._runs.add(running)
        running.add_done_callback(self._runs.discard)
        return running

    @property
    def weaknesses(self) -> list[str]:
        """What is known to be open."""
        found = self._fleet.weaknesses if self._fleet else set()
        return sorted({"internet", *found} if self.options.internet else found)

    def _ensure_loop(self) -> tuple[asyncio.AbstractEventLoop, Fleet]:
        """Return the loop and the fleet, starting them with the first run."""
        if self._loop is None or self._fleet is None:
            self._loop = asyncio.new_event_loop()
            self._fleet = Fleet(self._account, self.options)
            self._thread = threading.Thread(target=_turn, args=(self._loop,), name="ravelar-e2b", daemon=True)
            self._thread.start()
        return self._loop, self._fleet

    def close(self) -> None:
        """End everything; whoever closes second waits too. In a forked process, nothing is ours to end."""
        if self._pid != os.getpid():
            return
        with self._lock:
            first, self._closed = not self._closed, True
        if self._loop is None or self._fleet is None or self._thread is None:
            return
        if threading.current_thread() is self._thread:  # collected over there: waiting here would wait for itself
            ending = self._loop.create_task(self._end(self._fleet))
            ending.add_done_callback(lambda _: self._stop())
        elif first:
            _wait(self._end(self._fleet), self._loop)
            self._loop.call_soon_threadsafe(self._stop)
            self._thread.join()
        else:
            self._thread.join(_CLOSED_WITHIN_S)

    def _stop(self) -> None:
        """Let the thread end."""
        if self._loop is not None:
            self._loop.stop()

    async def _end(self, fleet: Fleet) -> None:
        """Cancel the runs, let them give their machines back, then kill what is left."""
        for running in list(self._runs):
            running.cancel()
        await asyncio.sleep(0)  # a cancellation arrives with the loop's next round
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=_CLOSED_WITHIN_S / 2)
        await fleet.close()


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped."""
    loop.run_forever()
    loop.close()


def _wait(errand: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    """Wait for something on another thread's loop, but not for ever."""
    waiting = asyncio.run_coroutine_threadsafe(errand, loop)
    try:
        return waiting.result(timeout=_CLOSED_WITHIN_S)
    except TimeoutError:
        waiting.cancel()
        raise SandboxBroken(
            f"E2B did not confirm within {_CLOSED_WITHIN_S:.0f} s that every machine is dead; lifetimes will end them"
        ) from None
