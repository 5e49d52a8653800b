"""Ports for servers that are told where to listen: nobody else's until this process ends.

A port that was free a moment ago may be taken by another test, by anybody's outgoing connection,
or, while nobody listens there, by a client that happens to connect to itself.  So these are none
that the kernel gives to outgoing connections, and each is reserved under a name of its own.
"""

import contextlib
import secrets
import socket
from pathlib import Path
from typing import Final

LOWEST, HIGHEST = 10_000, 64_000
TRIES: Final = 10_000
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")  # of outgoing connections


def take() -> int:
    """Return a port that nobody listens on, and that nobody else is given."""
    first, last = map(int, _RANGE.read_text().split())
    ours = [*range(LOWEST, min(first, HIGHEST)), *range(max(last + 1, LOWEST), HIGHEST)]
    for _ in range(TRIES):
        port = secrets.choice(ours)  # which no test can seed
        if _is_free(port) and _reserve(port):
            return port
    raise OSError("no port is free")


def _is_free(port: int) -> bool:
    """Tell whether a server could listen there, on every address."""
    with contextlib.suppress(OSError), socket.create_server(("", port)):
        return True
    return False


def _reserve(port: int) -> bool:
    """Hold a name that only one process of the machine's network can have."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as reservation:
        reservation.bind(f"\0typha-port-{port}")
        reservation.detach()  # stays open as long as this process lives
        return True
    return False
