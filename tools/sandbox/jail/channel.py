"""The worker's end of its channel: blocking reads and writes on one descriptor."""

import os
from typing import Any

from ravelar.tools.sandbox.frames import FrameBuffer, parse

_LARGEST_REQUEST_BYTES = 1 << 28  # the caller is trusted; its calls may be long
_READ_BYTES = 1 << 16  # above 128 KiB, malloc maps and unmaps each buffer

_read, _write = os.read, os.write


class Channel:
    """Frames in, frames out.

    Args:
        descriptor: A connected stream socket.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._incoming = FrameBuffer(_LARGEST_REQUEST_BYTES)

    def receive(self) -> Any:
        """Return the next message, or None when the caller hung up."""
        while (body := self._incoming.next_body()) is None:
            data = _read(self._descriptor, _READ_BYTES)
            if not data:
                return None
            self._incoming.feed(data)
        return parse(body)

    def send(self, frame: bytes) -> None:
        """Write a whole frame."""
        written = _write(self._descriptor, frame)
        while written < len(frame):
            frame = frame[written:]
            written = _write(self._descriptor, frame)
