"""A small HTTP server for probes, scrapes and people; plain, over TLS, or on a Unix socket.

A thread per connection, and no more than `MOST_CONNECTIONS` of them: one too many closes the
oldest, so whoever connects and says nothing keeps nobody out.  A TLS handshake runs in the
connection's own thread, with a time limit.
"""

import contextlib
import errno
import http.server
import logging
import socket
import socketserver
import ssl
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from typha.telemetry.obstacles import Obstacles

MOST_CONNECTIONS: Final = 64
IDLE_SECONDS: Final = 10.0  # between two requests, or two parts of one
RETRY_SECONDS: Final = 1.0  # until the next attempt to bind, as in the original
ACCEPT_PAUSE_SECONDS: Final = 0.2  # after one that failed, as when no more files may be open
NEVER_SECONDS: Final = 3600.0  # between two looks whether to stop, which nobody ever asks for
WITHOUT_IPV6: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)  # what such a kernel says of ::
TEXT: Final = "text/plain; charset=utf-8"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: the path without its query, and whether gzip is understood."""

    path: str
    takes_gzip: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say."""

    status: int
    kind: str
    body: bytes
    is_gzip: bool = False


Respond = Callable[[Request], Answer]

NOT_FOUND: Final = Answer(HTTPStatus.NOT_FOUND, TEXT, b"404 page not found\n")


class Wrapper(Protocol):
    """What makes a TLS connection of a plain one."""

    def wrap(self, plain: socket.socket) -> ssl.SSLSocket | None:
        """Return it with the handshake still to do; None if it was ended.  Raises OSError."""


def routes(table: Mapping[str, Respond]) -> Respond:
    """Choose who responds by the path; anything else is not found."""

    def respond(request: Request) -> Answer:
        responder = table.get(request.path)
        return responder(request) if responder else NOT_FOUND

    return respond


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection.  Every method is answered alike, as the original's health server does."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1
    server: "_Server"

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Find a responder for any method."""
        if name.startswith("do_"):
            return self._respond
        raise AttributeError(name)

    def _respond(self) -> None:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # a body follows that nobody reads
        path = self.path.partition("?")[0]
        gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        try:
            answer = self.server.respond(Request(path, gzip))
        except Exception:
            log.exception("cannot answer", extra={"path": path})
            answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, TEXT, b"internal error\n")
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if answer.is_gzip:
            self.send_header("Content-Encoding", "gzip")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def version_string(self) -> str:  # type: ignore[explicit-override]  # typing.override came with 3.12
        """Name ourselves, not the library."""
        return "typha"

    def address_string(self) -> str:  # type: ignore[explicit-override]  # as above
        """Leave names alone; a Unix socket has no address at all."""
        return str(self.client_address)

    def log_message(self, format: str, *args: Any) -> None:  # type: ignore[explicit-override]  # noqa: A002 the base class's name; as above
        """Keep requests out of the log; probes come every few seconds."""
        log.debug("%s", format % args)


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Accepts, and gives each connection a thread."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    block_on_close = False

    def __init__(self, address: Any, family: int, respond: Respond, tls: Wrapper | None) -> None:
        self.address_family = family
        self.respond = respond
        self._tls = tls
        self._open: OrderedDict[int, socket.socket] = OrderedDict()  # by their plain socket's id
        self._opening = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:  # type: ignore[explicit-override]  # as above
        """Bind; every address means those of IPv4 too."""
        if self.address_family == socket.AF_UNIX:
            Path(str(self.server_address)).unlink(missing_ok=True)  # a predecessor's
        else:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.address_family == socket.AF_INET6:
            alone = self.server_address[0] != "::"
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, alone)
        super().server_bind()

    def get_request(self) -> tuple[socket.socket, Any]:  # type: ignore[explicit-override]  # as above
        """Accept; pause where none can be opened, as the next attempt would come at once."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(ACCEPT_PAUSE_SECONDS)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:  # type: ignore[explicit-override]  # as above
        """Make room for one more, then serve it."""
        with self._opening:
            self._open[id(request)] = request
            oldest = self._open.popitem(last=False)[1] if self._is_full() else None
        if oldest is not None:
            _cut(oldest)
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:  # type: ignore[explicit-override]  # as above
        """Serve a connection, in its thread."""
        request.settimeout(IDLE_SECONDS)
        try:
            with contextlib.suppress(OSError):  # it is the peer's loss
                self._serve(request, client_address)
        finally:
            with self._opening:
                self._open.pop(id(request), None)

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        if self._tls is None:
            _Handler(request, client_address, self)
        elif secured := self._tls.wrap(request):
            with secured:
                with self._opening:
                    self._open[id(request)] = secured
                secured.do_handshake()
                _Handler(secured, client_address, self)

    def handle_error(self, request: Any, client_address: Any) -> None:  # type: ignore[explicit-override]  # as above
        """Log what went wrong instead of printing it."""
        del request, client_address
        log.error("connection failed", exc_info=sys.exc_info())

    def _is_full(self) -> bool:
        return len(self._open) > MOST_CONNECTIONS


def serve(
    host: str, port: int, respond: Respond, tls: Wrapper | None = None, *, settings: str = ""
) -> None:
    """Serve on a thread for each address, for ever; binding is tried again every second.

    `settings` is how the names of the settings begin that say where: ...Host and ...Port.
    """
    named = {f"{settings}Host": host or "(all)", f"{settings}Port": port}
    for place in places(host, port):

        def body(place: Place = place) -> None:
            if server := _bound(place, respond, tls, named):
                server.serve_forever(poll_interval=NEVER_SECONDS)

        threading.Thread(target=body, name=f"http {place.address}", daemon=True).start()


class Place(NamedTuple):
    """Where to bind; an optional one may fail without a word."""

    family: int
    address: Any
    is_optional: bool = False


def places(host: str, port: int) -> list[Place]:
    """Return what a setting's host means; a path is that of a Unix socket.

    By every address of IPv4 Go means IPv6 too.  `localhost` is taken literally: a resolver may
    know another machine by that name.
    """
    if host == "localhost":
        return [
            Place(socket.AF_INET, ("127.0.0.1", port)),
            Place(socket.AF_INET6, ("::1", port), is_optional=True),
        ]
    if host.startswith("/"):
        return [Place(socket.AF_UNIX, host)]
    if host in {"", "0.0.0.0"}:  # noqa: S104 it is what was set
        host = "::"
    if ":" in host:
        return [Place(socket.AF_INET6, (host, port))]
    return [Place(socket.AF_INET, (host, port))]


def _bound(
    place: Place, respond: Respond, tls: Wrapper | None, named: Mapping[str, object]
) -> _Server | None:
    """Return a server that listens, sooner or later; None where it may fail and does."""
    obstacles = Obstacles()
    while True:
        try:
            server = _Server(place.address, place.family, respond, tls)
        except OSError as error:
            if place.is_optional:
                return None
            if place.address[0] == "::" and error.errno in WITHOUT_IPV6:
                place = Place(socket.AF_INET, ("0.0.0.0", place.address[1]))  # noqa: S104 so it is set
                continue
            text = error.strerror or str(error)
            if obstacles.is_to_be_said(text, time.monotonic()):
                log.error("cannot listen", extra={**named, "error": text})  # noqa: TRY400 the text says all
            time.sleep(RETRY_SECONDS)
        else:
            if obstacles.clear():
                log.info("listening after all", extra=named)
            return server


def _cut(connection: socket.socket) -> None:
    """End a connection whose thread is somewhere in the middle of it."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # not TLS's, which is that thread's
