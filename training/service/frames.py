"""Messages between the service and its worker processes: a length of four bytes, then a pickle.

Both ends are ours, of one version, over a socket that no other process can reach; nothing from outside is unpickled.
"""

import asyncio
import pickle
import struct
from typing import Any

_LENGTH = struct.Struct("!I")


def frame(message: object) -> bytes:
    """Return a message as bytes.

    Raises: whatever pickle raises of a value that can't travel.
    """
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


async def read_frame(reader: asyncio.StreamReader) -> Any:
    """Return the next message.

    Raises:
        EOFError: if the other end is gone.
    """
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return pickle.loads(await reader.readexactly(length))  # written by our own other end
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise EOFError("the other end is gone") from error
