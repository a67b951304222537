"""Exceptions in words: what an exception says of itself may fail, lie, or be a megabyte long."""

from types import TracebackType

from ravelar.tools.sandbox.values import name_of

FILE_NAME = "<program>"
MESSAGE_CHARACTERS = 500
_FRAMES = 200


def describe(error: BaseException) -> str:
    """Return "Type: message (line n)", bounded; the line is the program's own innermost one."""
    name = name_of(type(error))
    line = _innermost_line(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename == FILE_NAME:
        line = error.lineno
        text = str(error.msg)
    else:
        text = _words(error)
    described = f"{name}: {text}" if text else name
    return described[:MESSAGE_CHARACTERS] + (f" (line {line})" if line else "")


def _words(error: BaseException) -> str:
    """Return what the exception says of itself, cut to size before anything else touches it."""
    try:
        return str.__getitem__(str(error), slice(0, MESSAGE_CHARACTERS))
    except BaseException:  # noqa: BLE001 - a program's __str__ may raise anything at all
        return "(it can't be shown)"


def _innermost_line(trace: TracebackType | None) -> int | None:
    """Return the last line in the program that the traceback passes, looking at a bounded part of it."""
    line = None
    for _ in range(_FRAMES):
        if trace is None:
            break
        if trace.tb_frame.f_code.co_filename == FILE_NAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
