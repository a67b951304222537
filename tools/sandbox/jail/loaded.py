"""From source text to something that can be called, inside the worker."""

import builtins
import io
import os
import sys
import types
from collections.abc import Callable
from functools import partial
from typing import Any

from ravelar.tools.sandbox.jail.capture import STDIN_FILE
from ravelar.tools.sandbox.jail.wording import FILE_NAME, describe

_MODULE_NAME = "program"


class LoadFailed(Exception):
    """The source does not compile, fails while it is imported, or lacks its entry point."""


def load(program: dict[str, str]) -> Callable[..., Any]:
    """Return what one call of the program calls.

    Raises: LoadFailed: for whatever the source does wrong.
    """
    try:
        code = compile(program["source"], FILE_NAME, "exec", dont_inherit=True)
        if program["kind"] == "script":
            return partial(_run_script, code)
        return _entry(_module(code, _MODULE_NAME), program["entry"])
    except LoadFailed:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit and worse: it is the program's to raise
        raise LoadFailed(describe(error)) from None


def _module(code: types.CodeType, name: str) -> dict[str, Any]:
    """Run the code as a module of that name (dataclasses look theirs up by it); return its names."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    names = vars(module)
    names["__builtins__"] = builtins
    exec(code, names)
    return names


def _entry(names: dict[str, Any], entry: str) -> Callable[..., Any]:
    """Return the entry point."""
    found: Callable[..., Any] | None = names.get(entry)
    if not callable(found):
        what = "is missing" if found is None else f"is a {type(found).__name__}, not a function"
        raise LoadFailed(f"the entry point {entry!r} {what}")
    return found


def _run_script(code: types.CodeType, stdin: str) -> None:
    """Run the whole source once, with its input on descriptor 0; leaving with status 0 is a normal end."""
    os.ftruncate(STDIN_FILE, 0)
    os.pwrite(STDIN_FILE, stdin.encode("utf-8", "surrogatepass"), 0)
    os.lseek(STDIN_FILE, 0, os.SEEK_SET)
    os.dup2(STDIN_FILE, 0)
    file = io.FileIO(0, closefd=False)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(file), encoding="utf-8", errors="surrogatepass")
    try:
        _module(code, "__main__")
    except SystemExit as error:
        if error.code not in (None, 0, False):
            raise
