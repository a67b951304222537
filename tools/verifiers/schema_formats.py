"""The `format`s of JSON schema that are checked: those that need no further package and take linear time.

jsonschema checks what happens to be installed; a reward must not depend on that.
"""

import datetime
import ipaddress
import re
import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

_MAX_CHARS = 1_000  # ours; no date, address or identifier is longer
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")
_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)*")


@cache
def format_checker() -> Any:
    """Return the checker of the formats named in `CHECKS`."""
    from jsonschema import FormatChecker  # noqa: PLC0415  loaded when a schema is first needed

    checker = FormatChecker(formats=())
    for name, check in CHECKS.items():
        checker.checks(name)(_bounded(check))
    return checker


def _bounded(check: Callable[[str], bool]) -> Callable[[object], bool]:
    def bounded(value: object) -> bool:
        if not isinstance(value, str):
            return True  # a format restricts text alone
        try:
            return len(value) <= _MAX_CHARS and value.isascii() and check(value)
        except ValueError:
            return False

    return bounded


def _date(text: str) -> bool:
    return bool(_DATE.fullmatch(text) and datetime.date.fromisoformat(text))


def _time(text: str) -> bool:
    whole = _TIME.fullmatch(text) and text[:8].replace(":60", ":59")  # RFC 3339 knows leap seconds
    return bool(whole) and datetime.time.fromisoformat(whole or "") is not None


def _date_time(text: str) -> bool:
    return len(text) > 11 and text[10] in "Tt " and _date(text[:10]) and _time(text[11:])


def _ip(version: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]) -> Callable[[str], bool]:
    return lambda text: bool(version(text).version) and "%" not in text


CHECKS: dict[str, Callable[[str], bool]] = {
    "date": _date,
    "time": _time,
    "date-time": _date_time,
    "email": lambda text: bool(_EMAIL.fullmatch(text)),
    "ipv4": _ip(ipaddress.IPv4Address),
    "ipv6": _ip(ipaddress.IPv6Address),
    "uuid": lambda text: str(uuid.UUID(text)) == text.lower(),
}
