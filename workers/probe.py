"""Answers the hellos by which the ops process makes sure that this worker still serves.

They come through a private Unix socket, in plaintext, and get our hello: nobody here is a client,
and nothing is counted.
"""

import contextlib
import logging
import socket
from pathlib import Path
from typing import Final

from typha.syncproto.errors import PeerError
from typha.syncproto.server import ServerSession
from typha.telemetry import reporting

BACKLOG: Final = 4
READ_BYTES: Final = 4096
MOST_VISITORS: Final = 8  # there should be one; the oldest has to go for a ninth

log = logging.getLogger(__name__)


class Probe:
    """The socket, and whoever is in the middle of a hello."""

    def __init__(self, run_directory: Path, index: int, version: str) -> None:
        """Bind; the socket of a predecessor is replaced."""
        path = reporting.probe_path(run_directory, index)
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(BACKLOG)
        self._socket.settimeout(0)
        self._version = version
        self._visitors: dict[int, tuple[socket.socket, ServerSession]] = {}
        self.descriptor = self._socket.fileno()

    def arrivals(self) -> list[int]:
        """Let in who knocks; return their descriptors, to be polled."""
        arrived = []
        with contextlib.suppress(OSError):  # nobody is left, or there is no room: it may pass
            while True:
                visitor = self._socket.accept()[0]
                visitor.settimeout(0)
                session = ServerSession(version=self._version, connection_id=0)
                self._visitors[visitor.fileno()] = (visitor, session)
                arrived.append(visitor.fileno())
                if len(self._visitors) > MOST_VISITORS:
                    self._dismiss(next(iter(self._visitors)))
        return arrived

    def answer(self, descriptor: int) -> bool:
        """Go on with a visitor; tell whether it is done, its descriptor closed with it."""
        if descriptor not in self._visitors:
            return False
        visitor, session = self._visitors[descriptor]
        try:
            while data := visitor.recv(READ_BYTES):
                session.receive(data)
                visitor.send(session.data_to_send())
        except BlockingIOError:
            return False  # they have to leave first, or to finish their hello
        except (PeerError, OSError) as error:
            log.debug("probe not answered", extra={"error": error})
        self._dismiss(descriptor)
        return True

    def close(self) -> None:
        """Take the socket down, and dismiss whoever is there."""
        self._socket.close()
        for descriptor in list(self._visitors):
            self._dismiss(descriptor)

    def _dismiss(self, descriptor: int) -> None:
        self._visitors.pop(descriptor)[0].close()
