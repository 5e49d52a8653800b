"""A process between a server and its API server, to be stopped, killed, or told to lose things.

usage: python -m tests.freshness.relay PORT TARGET_PORT

Obeys a word a line: `drop` passes nothing on any more and answers no new connection, as where
packets are dropped; `pass` ends that; `forget` leaves every connection that is open half open.
"""

import contextlib
import socket
import sys
import threading

import click

FILLERS = 3  # connections that fill a backlog of none: the kernel then drops what comes


class Relay:
    """All connections of one port."""

    def __init__(self, port: int, target: int) -> None:
        """Begin to listen."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self._passing = threading.Event()
        self._passing.set()
        self._generation = 0
        self._fillers: list[socket.socket] = []
        self._kept: list[socket.socket] = []

    def accept(self) -> None:
        """Take connections for ever."""
        while True:
            self._passing.wait()
            client, _ = self._listener.accept()
            if not self._passing.is_set():  # came while nothing was passed
                self._fillers.append(client)
                continue
            server = socket.create_connection(("127.0.0.1", self._target))
            self._kept += [client, server]
            for pair in ((client, server), (server, client)):
                arguments = (*pair, self._generation)
                threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def obey(self, word: str) -> None:
        """Do what a word says."""
        if word == "forget":
            self._generation += 1
        elif word == "drop":
            self._passing.clear()
            self._listener.listen(0)
            for _ in range(FILLERS):
                filler = socket.socket()
                filler.setblocking(False)  # noqa: FBT003 - the library's own
                filler.connect_ex(self._listener.getsockname())
                self._fillers.append(filler)
        elif word == "pass":
            for filler in self._fillers:
                filler.close()
            self._fillers = []
            self._listener.listen(128)
            self._passing.set()

    def _pump(self, source: socket.socket, sink: socket.socket, generation: int) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._passing.wait()
                if generation != self._generation:
                    return
                sink.sendall(data)
        if generation == self._generation:
            self._passing.wait()
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


def main() -> None:
    """Relay until standard input ends."""
    relay = Relay(int(sys.argv[1]), int(sys.argv[2]))
    threading.Thread(target=relay.accept, daemon=True).start()
    click.echo("ready")
    for line in sys.stdin:
        relay.obey(line.strip())
        click.echo("done")


if __name__ == "__main__":
    main()
