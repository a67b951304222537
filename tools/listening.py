"""Ports to listen on: opened before anything is loaded, so that a port that can't be had is told at once."""

import socket
from typing import Any

from ravelar.tools.errors import InputError

_BACKLOG = 2048


def open_port(host: str, port: int) -> socket.socket:
    """Open the port to listen on; 0 takes a free one.

    Raises:
        InputError: if it can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise InputError(f"port {port} of {host} can't be opened: {error.strerror or error}") from None
    return listening


def address_of(listening: socket.socket) -> str:
    """Return the URL under which a port is reached."""
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches a host name or address."""
    try:
        found: list[Any] = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return all(entry[4][0].startswith("127.") or entry[4][0] == "::1" for entry in found)
