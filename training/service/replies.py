"""What goes out by HTTP: rewards and refusals as JSON that any reader can read."""

import asyncio
import contextlib
import json
import math
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ravelar.tools.reward import Reward
from ravelar.training.service.reading import Refused

_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_DEEPEST = 32  # levels of a tool's detail that are sent
_LINGER_S, _LINGER_BYTES = 2.0, 8 * 2**20  # ours: how much of a refused body is read so that the reply arrives


def rewards_json(rewards: Sequence[Reward]) -> bytes:
    """Render rewards as the reply of `/score`; what no JSON can say in a tool's detail becomes null or text."""
    rows = [
        {"value": one.value, "tool": one.tool, "reason": one.reason, "raw": one.raw, "detail": one.detail}
        for one in rewards
    ]
    try:
        return as_json({"rewards": rows})
    except (ValueError, TypeError, RecursionError):
        return as_json({"rewards": plain(rows)})


def as_json(value: Any) -> bytes:
    """Render a JSON-plain value."""
    return _ENCODER.encode(value).encode()


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON can hold it: no infinities, no foreign types, no nesting without end."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth < _DEEPEST:
        if isinstance(value, dict):
            return {str(key): plain(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [plain(inner, depth + 1) for inner in value]
    return f"({type(value).__name__})"


class LastWord(Response):
    """A reply after which the connection is closed.

    What of the request is still under way is read on for a moment, and thrown away: a connection that is closed on a
    client amid its body resets it, and the client never sees the reply.
    """

    media_type = "application/json"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the reply, wait for the client to stop sending, and end."""
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        if any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"]):  # there is a body
            await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def refusal(refused: Refused) -> Response:
    """Return the reply that a refusal is."""
    headers = {}
    if refused.retry_after_s is not None:
        headers["retry-after"] = str(math.ceil(refused.retry_after_s))
    if refused.status == 401:
        headers["www-authenticate"] = "Bearer"
    body = as_json({"detail": str(refused)})
    if refused.hang_up:
        return LastWord(body, refused.status, headers)
    return Response(body, refused.status, headers, media_type="application/json")


async def _discard(receive: Receive) -> None:
    """Read a body to its end and keep nothing; stop after some seconds or megabytes."""
    read = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while read < _LINGER_BYTES:
                message = await receive()
                read += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
