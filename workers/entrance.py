"""The way of a connection from its accept until it is known who it is.

An address with too many unproven connections is served no more until some of them are through:
those that come meanwhile are left alone, which costs a descriptor each, up to a bound.  So many
nodes behind one address come in one after another, and a flood from one keeps nobody else out.
"""

import logging
import socket
import ssl
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

import typha
from typha.config.settings import ServerSettings
from typha.syncproto.server import ServerSession
from typha.telemetry.closing import CloseReason
from typha.telemetry.obstacles import Obstacles
from workers import tls
from workers.admission import Admission
from workers.connection import Connection, Stage
from workers.counting import Counts

# That a client's kernel has no room for yet: more would be megabytes for each client that sleeps,
# and past conflating.  What is on its way does not count, so this slows down nobody.
UNSENT_BYTES: Final = 128 * 1024
MOST_OUTSIDE: Final = 500  # left alone in a worker; more are closed
LOOKED_AT: Final = 32  # of them in a turn
LOOK_AGAIN_SECONDS: Final = 0.02

log = logging.getLogger(__name__)


class _Outside(NamedTuple):
    """Somebody whose address has to get others through first."""

    client: socket.socket
    address: str
    number: int
    until: float


class Entrance:
    """The connections that have proven nothing yet, and what they have to prove."""

    def __init__(
        self,
        settings: ServerSettings,
        certificates: tls.Certificates | None,
        admission: Admission,
        counts: Counts,
    ) -> None:
        """Start without anybody; no certificates means plaintext, where nothing is proven."""
        self._settings = settings
        self._certificates = certificates
        self._admission = admission
        self._counts = counts
        self._inside: dict[int, Connection] = {}  # oldest first
        self._outside: deque[_Outside] = deque()
        self._obstacles = Obstacles()

    def let_in(
        self, client: socket.socket, address: str, number: int, now: float
    ) -> Connection | None:
        """Make a connection of an accepted socket.

        None when its address has too many here, and when it was reset already.
        """
        if self._admission.enter(address):
            return self._begin(client, address, number)
        until = now + self._settings.handshake_timeout
        self._leave_outside(_Outside(client, address, number, until), now)
        return None

    def let_in_later(self, now: float) -> Iterator[Connection]:
        """Make connections of those for whom their address has room by now; yields each."""
        for _ in range(min(len(self._outside), LOOKED_AT)):
            waiting = self._outside.popleft()
            if not self._admission.enter(waiting.address):
                self._leave_outside(waiting, now)
            elif connection := self._begin(waiting.client, waiting.address, waiting.number):
                yield connection

    def patience(self) -> float:
        """Tell the seconds until there is something to do here that no descriptor tells."""
        return LOOK_AGAIN_SECONDS if self._outside else float("inf")

    def _leave_outside(self, waiting: _Outside, now: float) -> None:
        if now < waiting.until and len(self._outside) < MOST_OUTSIDE:
            self._outside.append(waiting)
            return
        reason = CloseReason.TOO_MANY_CONNECTIONS
        self._counts.closed[reason] += 1
        waiting.client.close()
        if self._obstacles.is_to_be_said(reason, now):  # not of each: there may be a flood of them
            log.warning(
                "clients closed before their turn: too many of their address are unproven",
                extra={"reason": reason, "client": waiting.address, "connection": waiting.number},
            )

    def _begin(self, client: socket.socket, address: str, number: int) -> Connection | None:
        self._counts.accepted += 1
        try:
            client = self._prepared(client)
        except OSError as error:  # scanners and balancers reset what they have only looked at
            self._admission.prove(address)
            reason = CloseReason.CONNECTION_LOST
            self._counts.closed[reason] += 1
            about = {"reason": reason, "client": address, "connection": number}
            log.info("client closed", extra={**about, "detail": str(error)})
            return None
        refuse = self._settings.refuse_legacy_clients
        session = ServerSession(
            version=typha.__version__, connection_id=number, refuse_legacy=refuse
        )
        connection = Connection(number, client, address, session)
        self._inside[number] = connection
        if connection.tls is None:
            self._proven(connection)
        return connection

    def _prepared(self, client: socket.socket) -> socket.socket:
        """Have a socket never block, and speak TLS if clients have to; raises OSError."""
        client.settimeout(0)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        if self._certificates is None:
            return client
        return self._certificates.context.wrap_socket(  # which asks whether it is connected
            client, server_side=True, do_handshake_on_connect=False
        )

    def surplus(self) -> Connection | None:
        """Give who has to go for a newcomer: the oldest, for a true client needs but a moment."""
        if len(self._inside) > 1 and self._admission.is_crowded():
            return next(iter(self._inside.values()))
        return None

    def shake_hands(self, connection: Connection) -> bool:
        """Go on with a handshake; tells whether the client has proven who it is."""
        assert self._certificates is not None
        assert connection.tls is not None
        try:
            if not connection.shake_hands():
                return False
            certificate = self._certificates.of_peer(connection.tls)
            name = tls.check_client(certificate, self._certificates.settings)
        except tls.CertificateError as error:
            connection.end(CloseReason.CERTIFICATE_REFUSED, str(error))
        except (
            ssl.SSLEOFError,
            ssl.SSLZeroReturnError,
        ):  # nobody was refused: a check of the port
            connection.end(CloseReason.CONNECTION_LOST, "left before its handshake was over")
        except ssl.SSLError as error:
            self._counts.handshake_failures[tls.failure(error)] += 1
            connection.end(CloseReason.TLS_FAILED, tls.explanation(error))
        except OSError as error:
            connection.end(CloseReason.CONNECTION_LOST, str(error))
        else:
            connection.certificate_name = name
            connection.certificate_expires = str(certificate.get("notAfter", ""))
            self._proven(connection)
        return connection.ending is None

    def leave(self, connection: Connection) -> None:
        """Count a connection out, if it has proven nothing."""
        if self._inside.pop(connection.number, None) is not None:
            self._admission.prove(connection.address)

    def _proven(self, connection: Connection) -> None:
        connection.state = Stage.HELLO
        self.leave(connection)
