"""What the reward service allows, and how it answers; every limit is here."""

from dataclasses import dataclass
from typing import Literal

from ravelar.tools.errors import InputError

Unscored = Literal["error", "null"] | float
"""What a trainer that wants numbers gets for an unscored completion: an error, null, or this number."""


BYTES_IN_FLIGHT = 256 * 2**20  # ours: eight of the longest bodies


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """Limits of the app, whatever its backend.

    Attributes:
        token: What `Authorization: Bearer` must hold; None lets everybody in who reaches the port.
        max_body_bytes: Longest request body; a longer one is refused by 413, unread.
        max_bytes_in_flight: Bodies held in memory at one time, together; beyond it 429.
        max_rows: Most completions in one request.
        max_depth: Deepest nesting of arrays and objects within a row.
        read_limit_s: How long a body may take to arrive.
        unscored: What OpenRLHF and slime get where a completion is unscored; see docs/service.md.

    Raises:
        InputError: if a limit is not positive, limits contradict each other, or the token can't be sent in a header.
    """

    token: str | None = None
    max_body_bytes: int = 32 * 2**20
    max_bytes_in_flight: int = BYTES_IN_FLIGHT
    max_rows: int = 1024
    max_depth: int = 64
    read_limit_s: float = 30.0
    unscored: Unscored = "error"

    def __post_init__(self) -> None:
        for name in ("max_body_bytes", "max_bytes_in_flight", "max_rows", "max_depth", "read_limit_s"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.max_bytes_in_flight < self.max_body_bytes:
            raise InputError(
                f"max_bytes_in_flight is {self.max_bytes_in_flight}; at least max_body_bytes, {self.max_body_bytes}, "
                "must fit, or the longest bodies never come in"
            )
        if self.token is not None and (not self.token.isascii() or not self.token.isprintable() or " " in self.token):
            raise InputError(
                "the token holds a character that no header can carry; allowed: ASCII, printable, no blanks"
            )
        if self.token == "":
            raise InputError("the token is empty; give one of at least one character, or none at all")
