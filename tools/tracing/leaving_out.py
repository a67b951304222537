"""What of a run is left out of its trace, before anything is sent.

Secrets always: values of variables that are named like keys, and what looks like one. Texts where a reference may be
among them: a run says so by the mark `COUNTED` in its metadata, which LangChain hands on to all runs beneath it. Of
such a run stay name, tags, metadata, times and tokens; its inputs and outputs become counts, and of its error the
class. (Runs of `tools.tracing.runs` hold figures alone, and stay as they are.) What is left out is decided by who made
the run, never by looking for references in texts: a model may quote one in other words.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ravelar.tools.chat.failures import blot_out, environment_secrets

COUNTED = "ravelar_counted"
"""Metadata of a run that may hold references: its texts are counted, not sent."""

MARK: Mapping[str, bool] = {COUNTED: True}

OURS: set[object] = set()
"""Ids of the runs that `tools.tracing.runs` has under way: they hold figures alone, wherever they hang."""

_PLAIN = frozenset({"end", "known", "approved", "passed"})  # of our states: words of a closed list, or truth values
_WORD = re.compile(r"[a-z_]{1,40}")
_MOST_KEYS = 50


def is_counted(run: object, extra: Mapping[str, Any] | None) -> bool:
    """Say whether a run's metadata have the mark, and it is none of ours."""
    return run not in OURS and bool(((extra or {}).get("metadata") or {}).get(COUNTED))


def counts_of(values: Any) -> dict[str, Any]:
    """Return what a run's inputs or outputs consist of, by name: kinds and sizes, no text, no number of theirs."""
    if not isinstance(values, Mapping):
        return {"value": _count(values)}
    return {str(name): _told(str(name), value) for name, value in list(values.items())[:_MOST_KEYS]}


def class_of(error: str) -> str:
    """Return the class that an error's text begins with; a message may quote what it is about."""
    name = re.match(r"[A-Za-z_][\w.]*", error.strip())
    return f"{name[0] if name else 'an error'} (its message is left out)"


def without_secrets_within(value: Any) -> Any:
    """Return plain data with every secret in its texts blotted out; mappings and lists are copied."""
    return _cleaned(value, blot_out(environment_secrets()))


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {name: _cleaned(one, clean) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(one, clean) for one in value]
    return value


def _told(name: str, value: Any) -> Any:
    if name == "messages" and isinstance(value, Sequence):
        return [_message(one) for batch in value for one in (batch if isinstance(batch, list) else [batch])]
    if name in _PLAIN and (isinstance(value, bool) or (isinstance(value, str) and _WORD.fullmatch(value))):
        return value
    return _count(value)


def _message(message: Any) -> dict[str, Any]:
    """Return who speaks in a message, as LangChain traces it, and how many characters long it is."""
    fields = message.get("kwargs", message) if isinstance(message, Mapping) else {}
    content = fields.get("content", getattr(message, "content", ""))
    said = str(fields.get("type", getattr(message, "type", "message")))
    return {"type": said if _WORD.fullmatch(said) else "message", "characters": len(str(content))}


def _count(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return f"{len(value):,} characters"
    if isinstance(value, Mapping):
        return f"{len(value):,} entries"
    if isinstance(value, list | tuple | set):
        return f"{len(value):,} items"
    return type(value).__name__
