"""A narrow link between clients and a server: `python -m benchmarks.link --to PORT --rate BYTES`.

Relays TCP connections on loopback; what goes to the clients, all together, goes no faster than
the rate.  Prints `{"port": P}`, then answers `count` on standard input with the connections so
far, and the bytes to the clients in all and at most to one.
"""

import argparse
import os
import select
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks import children

PIECE_BYTES: Final = 16 << 10  # that one client is given before the others have their turn
BUFFER_BYTES: Final = 64 << 10  # of the link for a client: what is in it is on its way
SAVED_SECONDS: Final = 0.01  # of the rate
TICK_SECONDS: Final = 0.002


@dataclass(slots=True)
class Side:
    """One end of a relayed connection."""

    socket: socket.socket
    is_server: bool
    other: "Side" = field(init=False)
    relayed: int = 0  # bytes from here to the other side
    is_waiting: bool = False  # has something, and no turn yet


class Link:
    """All connections through it."""

    def __init__(self, port: int, rate: float) -> None:
        """Listen on a port of its own."""
        self._server_port = port
        self._rate = rate
        self._tokens = 0.0
        self._filled_at = time.monotonic()
        self._poll = select.epoll()
        self._sides: dict[int, Side] = {}
        self._waiting: deque[Side] = deque()
        self._clients: list[Side] = []  # the servers' sides of all there have ever been
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listening.settimeout(0)
        self.port: Final[int] = self._listening.getsockname()[1]

    def run(self, orders: int) -> None:
        """Relay until the descriptor that orders come from is closed."""
        self._poll.register(orders, select.EPOLLIN)
        self._poll.register(self._listening, select.EPOLLIN)
        while True:
            for descriptor, _ in self._poll.poll(TICK_SECONDS if self._waiting else 1.0):
                if descriptor == orders:
                    if not os.read(orders, 1 << 16):
                        return
                    children.tell(self.count())
                elif descriptor == self._listening.fileno():
                    self._accept()
                elif descriptor in self._sides:
                    self._hear(self._sides[descriptor])
            self._let_pass()

    def count(self) -> dict[str, Any]:
        """Tell what has come through."""
        relayed = [side.relayed for side in self._clients]
        return {
            "connections": len(relayed),
            "bytes": sum(relayed),
            "most": max(relayed, default=0),
        }

    def _accept(self) -> None:
        try:
            while True:
                client = self._listening.accept()[0]
                server = socket.socket()
                server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
                server.connect(("127.0.0.1", self._server_port))
                self._join(Side(client, is_server=False), Side(server, is_server=True))
        except BlockingIOError:
            return

    def _join(self, client: Side, server: Side) -> None:
        client.other, server.other = server, client
        self._clients.append(server)
        for side in (client, server):
            self._sides[side.socket.fileno()] = side
            self._poll.register(side.socket, select.EPOLLIN)

    def _hear(self, side: Side) -> None:
        if not side.is_server:  # what clients say is next to nothing
            self._relay(side)
        elif not side.is_waiting:
            side.is_waiting = True
            self._waiting.append(side)
            self._poll.modify(side.socket, 0)

    def _let_pass(self) -> None:
        now = time.monotonic()
        self._tokens += (now - self._filled_at) * self._rate
        self._tokens = min(self._tokens, max(self._rate * SAVED_SECONDS, PIECE_BYTES))
        self._filled_at = now
        while self._waiting and self._tokens > 0:
            side = self._waiting.popleft()
            side.is_waiting = False
            self._tokens -= self._relay(side)
            if side.socket.fileno() in self._sides:
                self._poll.modify(side.socket, select.EPOLLIN)

    def _relay(self, side: Side) -> int:
        """Relay a piece; clients here read all they are sent, so that never blocks for long."""
        try:
            data = side.socket.recv(PIECE_BYTES)
            side.other.socket.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._part(side)
        side.relayed += len(data)
        return len(data)

    def _part(self, side: Side) -> None:
        for end in (side, side.other):
            self._sides.pop(end.socket.fileno(), None)
            self._poll.unregister(end.socket)
            end.socket.close()


def main() -> None:
    """Relay until standard input ends."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.link")
    arguments.add_argument("--to", type=int, required=True, help="port of the server")
    arguments.add_argument("--rate", type=float, required=True, help="bytes a second")
    options = arguments.parse_args()
    link = Link(options.to, options.rate)
    children.tell({"port": link.port})
    link.run(sys.stdin.fileno())


if __name__ == "__main__":
    main()
