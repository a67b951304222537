"""A sandbox for programs that nobody trusts: verifiers that a model wrote, programs that a policy wrote.

    from ravelar.tools.sandbox import Call, Limits, LocalSandbox, Program

    with LocalSandbox() as sandbox:
        program = Program("def verify(response, reference): return response == reference")
        sandbox.run(program, [Call(("42", "42"))], Limits(wall_s=2))     # [Outcome(value=1.0, ...)]

The way of a call, and the file for each step:

    protocol      Program, Call, Limits -> Outcome: the words
    local         LocalSandbox: one object for threads, event loops, forked and spawned processes
    rounds        batches out, frames in, blame where it belongs
    pool          warm workers; never one for two tools
    parent_link, worker_link      our ends of the sockets
    frames, values, replies       what is on them, and how little of it is believed
    jail/         the other side: launcher, sealed parent, workers
    selftest, probes, layers      what a program can still do, asked by trying
    profiles      which libraries it finds

Covered, wherever the self-test lets it start (Linux, x86-64 and aarch64, no privileges needed):

- files, environment, descriptors, memory and processes of the host are neither read nor written;
- no network, no unix sockets, no new program, no new process, no executable memory, no signal to others;
- wall clock, processor time, memory, output and size of values are bounded; the offender alone pays;
- a value is what the entry point returned, of the declared type and range, and nothing that was printed;
- frames that a program forges can touch the current batch of that very program, and end its worker;
- no process outlives its caller, however that ends.

Not covered:

- a verifier that evaluates its input, or compares so that infinity wins: it is contained, and its verdict
  is the attacker's. Admission lints and probes for that;
- calls of one kept verifier share a process: a completion that takes it over can spoil later calls of the
  same tool until a sign of damage or the number of calls replaces the worker;
- bugs of the kernel behind the hundred or so system calls that are left, and of the processor (timing,
  speculation); the clock is not hidden;
- that a path exists, and its size, where mount namespaces are forbidden and a program makes raw system calls;
- processor time within the limits: a hostile program may use all it is given.

`docs/threat-model.md` says it in full.
"""

from ravelar.tools.sandbox.errors import SandboxBroken, SandboxClosed, SandboxError, SandboxUnavailable
from ravelar.tools.sandbox.local import LocalSandbox, Upkeep
from ravelar.tools.sandbox.profiles import PROFILES, Profile
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program, Reason, Sandbox

__all__ = [
    "PROFILES",
    "Call",
    "Limits",
    "LocalSandbox",
    "Outcome",
    "Profile",
    "Program",
    "Reason",
    "Sandbox",
    "SandboxBroken",
    "SandboxClosed",
    "SandboxError",
    "SandboxUnavailable",
    "Upkeep",
]
