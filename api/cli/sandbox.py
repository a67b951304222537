"""`ravelar sandbox check`: which layers of the jail hold on this machine, what gets through, how fast it is."""

import json
import time
from typing import Any

import click

EPILOG = """\b
Examples:
  ravelar sandbox check
  ravelar sandbox check --json

\b
Exit codes: 0 untrusted code can be run here; 1 something essential is open, or
local isolation is not available.
"""

_SPEED_CALLS = 64 * 50


@click.group("sandbox")
def command() -> None:
    """Look at the jail in which written verifiers and policy-written programs run."""


@command.command("check", epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def check(as_json: bool) -> None:
    """Attack the local sandbox and say what held: layers, self-test, speed."""
    from ravelar.tools.sandbox.errors import SandboxError  # noqa: PLC0415  not for `--help`

    try:
        found = examine()
    except SandboxError as error:
        click.echo(json.dumps({"usable": False, "why": str(error)}) if as_json else f"not usable: {error}")
        raise SystemExit(1) from None
    click.echo(json.dumps(found)) if as_json else _show(found)


def examine() -> dict[str, Any]:
    """Start a local sandbox, attack it thoroughly, and time it.

    Raises: SandboxError: if it would leave something essential open, or can't be had here.
    """
    from ravelar.tools.sandbox.local import LocalSandbox  # noqa: PLC0415

    with LocalSandbox() as sandbox:
        started = time.perf_counter()
        test = sandbox.self_test()
        start_ms = (time.perf_counter() - started) * 1e3
        return {
            "usable": True,
            "layers": {name: why or "on" for name, why in test.layers.items()},
            "open": dict(test.open),
            "start_and_self_test_ms": round(start_ms, 1),
            "speed": _speed(sandbox),
        }


def _speed(sandbox: Any) -> dict[str, float]:
    from ravelar.tools.sandbox.protocol import Call, Program  # noqa: PLC0415

    program = Program("def verify(a):\n    return 1.0\n", isolation="per_tool")
    calls = [Call(("x",))] * _SPEED_CALLS
    sandbox.run(program, calls)
    started = time.perf_counter()
    sandbox.run(program, calls)
    batched = len(calls) / (time.perf_counter() - started)
    started = time.perf_counter()
    forked = [Program(f"def verify(a):\n    return 1.0\n# {n}\n") for n in range(100)]
    sandbox.run_many([(one, [Call(("x",))]) for one in forked])
    return {
        "per_tool_batched_calls_per_s": round(batched),
        "per_call_calls_per_s": round(len(forked) / (time.perf_counter() - started)),
    }


def _show(found: dict[str, Any]) -> None:
    from rich import box  # noqa: PLC0415  60 ms, for people only
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from ravelar.tools.sandbox.layers import LAYERS  # noqa: PLC0415
    from ravelar.tools.sandbox.selftest import ESSENTIAL, SECONDARY  # noqa: PLC0415

    console = Console()
    layers = Table("layer", "state", "what it is for", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, meaning in LAYERS.items():
        layers.add_row(name, found["layers"].get(name, "not needed"), meaning)
    console.print(layers)
    probes = Table("a program that", "found", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, meaning in {**ESSENTIAL, **SECONDARY}.items():
        probes.add_row(meaning, found["open"].get(name, "was held off"))
    console.print(probes)
    speed = found["speed"]
    console.print(
        f"untrusted code can be run here. Start and self-test {found['start_and_self_test_ms']:.0f} ms; "
        f"{speed['per_tool_batched_calls_per_s']:,} calls/s in a kept worker, "
        f"{speed['per_call_calls_per_s']:,} programs/s in fresh ones, all cores.",
        highlight=False,
    )
