"""What a program prints: kept up to a bound, swallowed beyond it, never read as anything else."""

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


class BoundedOutput(io.RawIOBase):
    """A binary stream that keeps its first bytes and lets the rest fall.

    Args:
        limit: How many bytes are kept.
        sink: Where kept bytes go; by default into `kept`.
    """

    def __init__(self, limit: int, sink: Callable[[bytes], object] | None = None) -> None:
        super().__init__()
        self.limit = limit
        self.kept = bytearray()
        self.written = 0
        self._sink = sink or self.kept.extend

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def write(self, data: "Buffer") -> int:
        """Take bytes; always all of them, as far as the program can see."""
        size = memoryview(data).nbytes
        room = self.limit - self.written
        if room > 0:
            self._sink(bytes(memoryview(data).cast("B")[:room]))
        self.written += size
        return size


def text_stream(output: BoundedOutput) -> io.TextIOWrapper:
    """Return a text stream over an output; lone surrogates pass, nothing waits in a buffer."""
    return io.TextIOWrapper(output, encoding="utf-8", errors="surrogatepass", newline="", write_through=True)  # type: ignore[type-var]


def as_text(data: bytes | bytearray) -> str:
    """Return captured bytes as text, whatever they are; the bound may have cut a character in two."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


class Captured:
    """Standard output and error of the calls of a function.

    Args:
        limit: Bytes kept of each, per call.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.renew()

    def renew(self) -> None:
        """Start with empty streams."""
        self.outputs = BoundedOutput(self._limit), BoundedOutput(self._limit)
        self.streams = text_stream(self.outputs[0]), text_stream(self.outputs[1])

    @property
    def any(self) -> bool:
        """Whether anything was printed, or a stream was closed."""
        out, err = self.outputs
        return out.written > 0 or err.written > 0 or out.closed or err.closed

    def texts(self) -> tuple[str, str, bool]:
        """Return what was kept of both streams, and whether something was not."""
        out, err = self.outputs
        return as_text(out.kept), as_text(err.kept), out.written > self._limit or err.written > self._limit


class CapturedFile(Captured):
    """The same for scripts, whose standard output is a file in memory: `os.write(1, ...)` counts as printed."""

    def renew(self) -> None:
        """Start with an empty file."""
        super().renew()
        os.lseek(1, 0, os.SEEK_SET)
        os.ftruncate(1, 0)
        out = BoundedOutput(self._limit, sink=lambda data: os.write(1, data))
        self.outputs = out, self.outputs[1]
        self.streams = io.TextIOWrapper(io.BufferedWriter(out), encoding="utf-8", errors="surrogatepass", newline=""), self.streams[1]

    @property
    def any(self) -> bool:
        """Whether to look: always, for the descriptor may have been written directly."""
        return True

    def texts(self) -> tuple[str, str, bool]:
        """Return the file's text and what was kept of standard error."""
        self.streams[0].flush()
        printed, error, cut = as_text(os.pread(1, self._limit, 0)), *super().texts()[1:]
        return printed, error, cut or os.fstat(1).st_size > self._limit
