"""The remote machines: started on demand, kept for one program at most, killed at the end.

No machine ever serves two programs. Three locks keep machines from being left behind: whoever leases one
kills it or hands it back, also after an error or a cancellation; `close` kills what is left and asks the
service for machines of ours that we lost sight of; and each machine has a lifetime at whose end the service
kills it, whatever became of us.
"""

import asyncio
import logging
import math
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ravelar.tools.sandbox.protocol import Program
from ravelar.tools.sandbox.remote.client import Account, in_our_words, package

OWNER = "ravelar_owner"
LONGEST_LIFE_S = 3_600  # what E2B's free plan allows
_KILL_TRIES = 2

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Machine:
    """One remote machine.

    Attributes:
        handle: The package's own object.
        digest: The only program that it ever runs.
        expires_at: When the service kills it, on the monotonic clock.
        calls: How many calls it has made.
        sound: Whether it may be kept; set by who leased it, when all went well.
    """

    handle: Any
    digest: str
    expires_at: float
    calls: int = 0
    sound: bool = False


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """How many machines, and which.

    Attributes:
        template: Template to start them from; None for E2B's code interpreter.
        width: How many may exist at once.
        internet: Whether programs may reach the network.
        lifetime_s: How long a machine lives without being used.
        calls_per_machine: After how many calls a kept machine is replaced.
    """

    template: str | None = None
    width: int = 4
    internet: bool = False
    lifetime_s: int = 600
    calls_per_machine: int = 10_000


@dataclass(slots=True)
class Fleet:
    """All machines of one sandbox; used by one event loop.

    Args:
        account: In whose name they are started.
        options: How many, and which.

    Attributes:
        owner: The name by which the service can tell our machines from others.
        weaknesses: What machines have reported to be open.
    """

    account: Account
    options: FleetOptions
    owner: str = field(default_factory=lambda: str(uuid.uuid4()))
    weaknesses: set[str] = field(default_factory=set)
    _idle: list[Machine] = field(default_factory=list)
    _busy: set[Machine] = field(default_factory=set)
    _errands: set[asyncio.Task[Any]] = field(default_factory=set)
    _slots: asyncio.Semaphore = field(init=False)
    _pending: int = 0
    _ever_started: bool = False

    def __post_init__(self) -> None:
        """Hand out as many permits as there may be machines."""
        self._slots = asyncio.Semaphore(self.options.width)

    @asynccontextmanager
    async def lease(self, program: Program, needed_s: float) -> AsyncIterator[Machine]:
        """Lend a machine for one batch; whatever ends the lease badly ends the machine.

        Args:
            program: A `per_tool` program may get a machine that it had before; a `per_call` one never.
            needed_s: How long the batch may take.

        Raises: SandboxUnavailable, SandboxBroken: if none can be started.
        """
        async with self._slots:
            machine = await self._kept(program, needed_s) or await self._start(program, needed_s)
            machine.sound = False
            try:
                yield machine
            finally:
                self._busy.discard(machine)
                if self._worth_keeping(machine, program):
                    self._idle.append(machine)
                else:
                    self._send_on_errand(self._kill(machine.handle))

    def _worth_keeping(self, machine: Machine, program: Program) -> bool:
        """Say whether the same program may have the machine again."""
        fresh = machine.calls < self.options.calls_per_machine
        return machine.sound and fresh and program.isolation == "per_tool"

    async def _kept(self, program: Program, needed_s: float) -> Machine | None:
        """Return an idle machine of the program, if there is one that lives long enough or can be made to."""
        if program.isolation != "per_tool":
            return None
        while machine := next((idle for idle in self._idle if idle.digest == program.digest), None):
            self._idle.remove(machine)
            if machine.expires_at > time.monotonic() and await self._prolong(machine, needed_s):
                self._busy.add(machine)
                return machine
            self._send_on_errand(self._kill(machine.handle))
        return None

    async def _prolong(self, machine: Machine, needed_s: float) -> bool:
        """See to it that a machine lives for a while; return whether it will."""
        if machine.expires_at > time.monotonic() + needed_s:
            return True
        lifetime_s = self._lifetime_s(needed_s)
        expires_at = time.monotonic() + lifetime_s
        try:
            await machine.handle.set_timeout(lifetime_s)
        except Exception:  # noqa: BLE001 - whatever it was: a new machine will do
            return False
        machine.expires_at = expires_at
        return True

    def _lifetime_s(self, needed_s: float) -> int:
        """Return how long a machine should live that is needed for so long."""
        return min(LONGEST_LIFE_S, max(self.options.lifetime_s, math.ceil(needed_s)))

    async def _start(self, program: Program, needed_s: float) -> Machine:
        """Start a machine, in the place of the longest idle one if there is no room."""
        self._pending += 1
        try:
            while self._idle and len(self._idle) + len(self._busy) + self._pending > self.options.width:
                await self._kill(self._idle.pop(0).handle)
            machine = await self._start_now(program, self._lifetime_s(needed_s))
        finally:
            self._pending -= 1
        self._busy.add(machine)
        return machine

    async def _start_now(self, program: Program, lifetime_s: int) -> Machine:
        """Start a machine; one that comes too late for a cancelled run is killed when it comes."""
        expires_at = time.monotonic() + lifetime_s
        self._ever_started = True
        starting = asyncio.create_task(self._create(lifetime_s))
        try:
            handle = await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._send_on_errand(self._kill_unborn(starting))
            raise
        except Exception as error:  # noqa: BLE001 - the package raises its own, httpx's and Python's
            raise in_our_words(error, "start a machine", self.account) from None
        return Machine(handle, program.digest, expires_at)

    async def _create(self, lifetime_s: int) -> Any:
        """Ask the service for a machine."""
        return await package().AsyncSandbox.create(
            template=self.options.template,
            timeout=lifetime_s,
            metadata={OWNER: self.owner},
            allow_internet_access=self.options.internet,
            idempotency_key=str(uuid.uuid4()),
            **self.account.options(),
        )

    def _send_on_errand(self, errand: Any) -> None:
        """Let something be done behind a caller's back; `close` waits for it."""
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _kill_unborn(self, starting: "asyncio.Task[Any]") -> None:
        """Kill a machine that nobody waits for any more as soon as it is there."""
        try:
            handle = await starting
        except Exception:  # noqa: BLE001 - it never came to be, which is what we want
            return
        await self._kill(handle)

    async def _kill(self, handle: Any) -> None:
        """Kill a machine; if the service does not let us, its lifetime will."""
        for attempt in range(_KILL_TRIES):
            try:
                await handle.kill()
            except Exception as error:  # noqa: BLE001 - the package raises its own, httpx's and Python's
                if attempt + 1 == _KILL_TRIES:
                    _log.warning("%s; its lifetime will end it", in_our_words(error, "kill a machine", self.account))
            else:
                return

    async def close(self) -> None:
        """Kill every machine, those also that we lost sight of."""
        if not self._ever_started:
            return
        machines, self._idle = [*self._idle, *self._busy], []
        await asyncio.gather(*(self._kill(machine.handle) for machine in machines))
        while self._errands:
            await asyncio.gather(*self._errands, return_exceptions=True)
        await self._sweep()

    async def _sweep(self) -> None:
        """Kill the machines that bear our name and that we don't know of: a reply may have been lost."""
        client, options = package(), self.account.options()
        try:
            pages = client.AsyncSandbox.list(query=client.SandboxQuery(metadata={OWNER: self.owner}), **options)
            while pages.has_next:
                for found in await pages.next_items():
                    if found.metadata.get(OWNER) == self.owner:  # a service that can't filter lists everybody's
                        await client.AsyncSandbox.kill(found.sandbox_id, **options)
        except Exception as error:  # noqa: BLE001 - the package raises its own, httpx's and Python's
            _log.warning("%s; lifetimes will end them", in_our_words(error, "look for lost machines", self.account))
