"""What a program prints: kept up to a bound, swallowed beyond it, never read as anything else."""

import contextlib
import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


STDIN_FILE, STDOUT_FILE = 4, 5  # a script's files in memory


class BoundedOutput(io.RawIOBase):
    """A binary stream that keeps its first bytes and lets the rest fall.

    Args:
        limit: How many bytes are kept.
        touch: Called when something is written, and when the program closes the stream.
        sink: Where kept bytes go; by default into `kept`.
    """

    def __init__(self, limit: int, touch: Callable[[], None], sink: Callable[[bytes], object] | None = None) -> None:
        super().__init__()
        self._touch = touch
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
        self._touch()
        return size

    def close(self) -> None:
        """Close; a program that closes its output gets a new one for the next call."""
        super().close()
        self._touch()


def text_stream(output: BoundedOutput) -> io.TextIOWrapper:
    """Return a text stream over an output; lone surrogates pass, nothing waits in a buffer."""
    return io.TextIOWrapper(output, encoding="utf-8", errors="surrogatepass", newline="", write_through=True)  # type: ignore[arg-type]


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

    Attributes:
        touched: Whether anything was printed, or a stream was closed, since the last renewal.
        streams: What to use as standard output and error.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.renew()

    def renew(self) -> None:
        """Start with empty streams."""
        self._outputs = BoundedOutput(self._limit, self._touch), BoundedOutput(self._limit, self._touch)
        self.streams = text_stream(self._outputs[0]), text_stream(self._outputs[1])
        self.touched = False

    def _touch(self) -> None:
        """Note that there is something to read, or to renew."""
        self.touched = True

    def texts(self) -> tuple[str, str, bool]:
        """Return what was kept of both streams, and whether something was not."""
        out, err = self._outputs
        return as_text(out.kept), as_text(err.kept), out.written > self._limit or err.written > self._limit


class CapturedFile(Captured):
    """The same for scripts, whose standard output is a file in memory: `os.write(1, ...)` counts as printed."""

    def renew(self) -> None:
        """Start with an empty file."""
        super().renew()
        os.lseek(STDOUT_FILE, 0, os.SEEK_SET)
        os.ftruncate(STDOUT_FILE, 0)
        os.dup2(STDOUT_FILE, 1)
        out = BoundedOutput(self._limit, self._touch, sink=lambda data: os.write(1, data))
        buffered = io.TextIOWrapper(io.BufferedWriter(out), encoding="utf-8", errors="surrogatepass", newline="")
        self._outputs = out, self._outputs[1]
        self.streams = buffered, self.streams[1]
        self.touched = True  # always look: the descriptor may be written behind the stream's back

    def texts(self) -> tuple[str, str, bool]:
        """Return the file's text and what was kept of standard error."""
        with contextlib.suppress(OSError, ValueError):  # the program closed it, or its descriptor
            self.streams[0].flush()
        _, error, cut = super().texts()
        return as_text(os.pread(STDOUT_FILE, self._limit, 0)), error, cut or os.fstat(STDOUT_FILE).st_size > self._limit
