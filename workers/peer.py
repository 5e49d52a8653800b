"""What our kernel knows of the other end of a connection, even while nothing is heard from it."""

import socket
import struct
from typing import Final, NamedTuple

# Offsets into Linux's struct tcp_info, whose members never move; an older kernel's is shorter.
_ANSWERING: Final = struct.Struct("2xBB116xQ")  # retransmits and probes in a row; acknowledged
_WINDOW: Final = struct.Struct("228xI")  # since Linux 5.4


class Peer(NamedTuple):
    """The other end: bytes its kernel has taken, bytes it has room for, and whether it is there.

    `unanswered` counts the attempts in a row to which nothing came back at all: a machine that is
    there answers even when the process on it sleeps.  Room of 0 may mean that nobody can tell.
    """

    acknowledged: int
    window: int
    unanswered: int


UNKNOWN: Final = Peer(0, 0, 0)


def look(connection: socket.socket) -> Peer:
    """Ask the kernel; what is no TCP connection is unknown."""
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _WINDOW.size)
    except OSError:
        return UNKNOWN
    if len(told) < _ANSWERING.size:
        return UNKNOWN
    retransmits, probes, acknowledged = _ANSWERING.unpack_from(told)
    (window,) = _WINDOW.unpack_from(told) if len(told) >= _WINDOW.size else (0,)
    return Peer(acknowledged, window, max(retransmits, probes))
