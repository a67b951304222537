"""Runs a program and its test code in one jail: the weaker level, for tests that need the program's own objects.

The program can read the test and change what it runs on. What is done against that: builtins are put back before
the test runs, and the verdict bears a word that came with the call, after the program was loaded.
"""

# One source with nothing around it, as its neighbour.

import builtins
import random

_BEFORE = dict(vars(builtins))
_NAMES = {"__name__": "program", "__builtins__": builtins}


def load(source):
    """Run the program; return '' or why it could not be run."""
    try:
        exec(compile(source, "program.py", "exec", dont_inherit=True), _NAMES)
    except BaseException as error:  # noqa: BLE001  SystemExit and worse: it is the program's to raise
        return f"{type(error).__name__}: {error}"[:300]
    return ""


def judge(source, spec, word):
    """Load the program, run the test code against it; return the word and the verdicts."""
    said = load(source)
    vars(builtins).update(_BEFORE)
    if said:
        return [word, [(label, f"load: {said}") for _, label in spec["steps"] if label]]
    random.seed(20_261_123)
    _NAMES[spec["candidate"]] = _candidate(spec["entry"])
    verdicts, failed = [], ""
    for step, label in spec["steps"]:
        said = failed or _run(step)
        if label:
            verdicts.append((label, said))
        elif said:
            failed = f"before the test: {said}"
    return [word, verdicts]


def _candidate(entry):
    owner, _, method = (entry or "").partition("().")
    if method and owner in _NAMES:
        return getattr(_NAMES[owner](), method)
    solution = _NAMES.get("Solution")
    return _NAMES.get(entry) or (getattr(solution(), entry, None) if entry and solution else None)


def _run(step):
    """Run one step; return '' if it passed, else words."""
    try:
        exec(compile(step, "test.py", "exec", dont_inherit=True), _NAMES)
    except BaseException as error:  # noqa: BLE001  a check may raise anything, SystemExit too
        return f"{type(error).__name__}: {error}"[:300]
    return ""
