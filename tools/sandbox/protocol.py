"""What every sandbox speaks: a program, calls to it, limits, and one outcome per call.

    Sandbox.run(program, calls, limits) -> [Outcome, ...]      # as many outcomes as calls, in their order

A program is source text that nobody trusts. What it does to itself is its own affair and comes back as a
named reason; what goes wrong on our side (no worker can be started, a layer is missing) is an exception
of `ravelar.tools.sandbox.errors` and never an outcome.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Reason = Literal["timeout", "memory", "crash", "raised", "bad_type", "out_of_range", "protocol", "load"]
"""Why a call has no value.

`timeout` it outlived its wall clock or its processor time; `memory` it used its memory up; `crash` its process
died; `raised` it raised; `bad_type` it returned what the program's policy does not take (NaN and infinity are
no rewards either); `out_of_range` a reward outside [0, 1]; `protocol` it wrote on the channel that is ours;
`load` the source does not compile, fails while it is imported, or lacks its entry point.
"""

Kind = Literal["function", "script"]
"""`function`: load once, call the entry point per call. `script`: run the whole source per call, input on stdin."""

Isolation = Literal["per_call", "per_tool"]
"""`per_call`: a fresh process for each run of each program. `per_tool`: one kept process for one checked program."""

Returns = Literal["reward", "json", "literal"]
"""What may come back: a finite number in [0, 1]; a JSON value; a Python literal (tuples, sets, bytes ... kept)."""


@dataclass(frozen=True, slots=True)
class Program:
    """Source text with what is needed to run it.

    Attributes:
        source: Python source; nobody trusts it.
        entry: Name of the function to call; unused by scripts.
        profile: Which libraries are there: "core", "math", "text" or one of the caller's own.
        kind: Whether a function is called or the whole source is run.
        returns: Return-type policy. "reward" coerces bool to 0.0 or 1.0 and int to float.
        isolation: "per_call" for what a policy wrote; "per_tool" for a verifier that was checked once and then
            reads hostile completions.
    """

    source: str
    entry: str = "verify"
    profile: str = "core"
    kind: Kind = "function"
    returns: Returns = "reward"
    isolation: Isolation = "per_call"
    digest: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Name the program by its content, so that no two tools ever share a worker."""
        parts = (self.source, self.entry, self.profile, self.kind, self.returns, self.isolation)
        digest = hashlib.sha256()
        for part in parts:
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        object.__setattr__(self, "digest", digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a program.

    Attributes:
        args: Positional arguments: JSON values and Python literals, passed on exactly (a tuple stays one).
        stdin: For scripts: what the program reads from its standard input.
    """

    args: tuple[Any, ...] = ()
    stdin: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use.

    Attributes:
        wall_s: Wall clock per call. Short of a loaded machine, `cpu_s` is what a busy loop meets first.
        cpu_s: Processor time per call, all threads together.
        load_s: Wall clock to compile and import the source, once per process.
        memory_mb: Address space beyond what the profile itself holds.
        output_bytes: Captured stdout, and as much stderr, per call; more is swallowed.
        value_bytes: Size of an encoded value.
        threads: Tasks that all programs of one profile may have beyond their main threads, where the kernel
            counts them (see `ravelar sandbox check`); memory bounds them elsewhere.
    """

    wall_s: float = 5.0
    cpu_s: float = 5.0
    load_s: float = 10.0
    memory_mb: int = 512
    output_bytes: int = 65_536
    value_bytes: int = 1_048_576
    threads: int = 32

    def __post_init__(self) -> None:
        """Refuse limits that would let a program run for ever or not at all."""
        for name in self.__slots__:
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise ValueError(f"limit {name} is {value!r}: a finite number above 0 is needed")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call.

    Attributes:
        value: What the program returned, or None where `reason` says why there is nothing.
        reason: None for a value, else what went wrong.
        message: The reason in words: the exception, the signal, the limit that was met.
        stdout: What the program printed, bounded, never taken for a value.
        stderr: Likewise for standard error.
        truncated: Whether it printed more than was kept.
        wall_s: Wall clock of the call, as the worker measured it, or the limit that ended it.
        cpu_s: Processor time of the call, as the worker measured it.
    """

    value: Any = None
    reason: Reason | None = None
    message: str = ""
    stdout: str = ""
    stderr: str = ""
    truncated: bool = False
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.reason is None


@runtime_checkable
class Sandbox(Protocol):
    """Runs programs that nobody trusts."""

    @property
    def name(self) -> str:
        """The backend with its weaknesses, as reports print it: "local", "local (weaker: network)", "unsafe"."""

    def run(self, program: Program, calls: Sequence[Call], limits: Limits | None = None) -> list[Outcome]:
        """Run the calls; return one outcome per call, in order.

        Raises: SandboxError: when the sandbox itself is unavailable, closed or broken.
        """
