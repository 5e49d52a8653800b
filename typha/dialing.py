"""A blocking client of a Typha server, over TLS or plain TCP: the thin shell of ClientSession.

The server's certificate is checked as Felix checks it: its chain, its purpose, and its common name
or a URI; host names and addresses play no role.

    DialError                what a user can do something about; `hint` says what
    ├── UnreachableError     no TCP connection
    ├── TlsError             no TLS session, or a certificate that one side does not want
    ├── RefusedError         closed by the server before its hello
    ├── ClosedError          closed by the server later on
    ├── SilenceError         nothing complete came in time
    └── ProtocolError        what came is not the protocol, or not what was asked for
"""

import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from typha.certs import contexts
from typha.certs.contexts import File
from typha.syncproto.client import ClientSession
from typha.syncproto.errors import PeerError
from typha.syncproto.messages import ClientHello, Message, ServerHello

DEFAULT_PORT: Final = 5473
_READ_BYTES: Final = 256 << 10
_OUT_OF_TIME: Final = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_LAST_WORD_SECONDS: Final = 1.0  # for an alert that was sent before the connection was closed
_ALERTS: Final = {  # about our certificate, by OpenSSL's names
    "TLSV1_ALERT_UNKNOWN_CA": "our certificate is not of an authority in the server's CAFile",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "our certificate has expired, or the server's clock is off",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "our certificate is not one for clients",
}


class DialError(Exception):
    """Base of what can go wrong with a connection of ours; a kind may have a usual hint."""

    hint = ""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint or self.hint


class UnreachableError(DialError):
    """No TCP connection came about."""

    hint = "is the server running, and is this its address?"


class TlsError(DialError):
    """No TLS session came about."""


class RefusedError(DialError):
    """The server closed the connection before its hello, which it hardly explains."""

    hint = "its log names the reason: often TLS on one side only, or a name it does not accept"


class ClosedError(DialError):
    """The server closed the connection, or it was lost."""


class SilenceError(DialError):
    """No message was complete in time."""


class ProtocolError(DialError):
    """The other side is no Typha server, or not one that serves what was asked for."""


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read HOST, HOST:PORT or [IPv6]:PORT; raise ValueError for anything else."""
        host, colon, port = text.rpartition(":")
        if not colon or text.endswith("]"):
            host, port = text, str(DEFAULT_PORT)
        bracketed = host.startswith("[") and host.endswith("]")
        if not host or (":" in host and not bracketed) or not port.isdecimal():
            raise ValueError(f"{text!r} is no HOST:PORT")
        if not 0 < int(port) < 1 << 16:
            raise ValueError(f"{port} is no port")
        return cls(host.strip("[]"), int(port))

    @property
    def text(self) -> str:
        """As it is written: HOST:PORT."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Our certificate, and what the server's has to be.

    With both names given either will do; without any, the chain decides alone.
    """

    ca_file: str
    cert_file: str
    key_file: str
    server_cn: str = ""
    server_uri: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """In seconds; the defaults are Felix's."""

    connect: float = 10.0
    read: float = 30.0  # for the wait for a message and the whole of it
    write: float = 10.0


class Connection:
    """A connection on which hellos were exchanged.  Iterating yields messages until it ends.

    Pings and decoder restarts are answered on the way.  Every ending raises a DialError, as a
    server never ends a stream because it is complete.
    """

    def __init__(self, stream: socket.socket, session: ClientSession, timeouts: Timeouts) -> None:
        self._stream = stream
        self._session = session
        self._timeouts = timeouts
        self._arrived: deque[Message] = deque()
        self._server: ServerHello | None = None
        self._flush()
        first = self.receive()
        assert isinstance(first, ServerHello)  # the session lets nothing else through
        self._server = first

    @property
    def server(self) -> ServerHello:
        """What the server said of itself."""
        assert self._server
        return self._server

    def receive(self, timeout: float | None = None) -> Message:
        """Return the next message; raise DialError when none comes within so many seconds."""
        limit = self._timeouts.read if timeout is None else timeout
        deadline = time.monotonic() + limit
        while not self._arrived:
            data = self._read(deadline - time.monotonic(), limit)
            try:
                self._arrived.extend(self._session.receive(data))
            except PeerError as error:
                raise ProtocolError(f"not what a Typha server sends: {error}") from error
            self._flush()
        return self._arrived.popleft()

    def __iter__(self) -> Iterator[Message]:
        """Yield messages as they come."""
        while True:
            yield self.receive()

    def __enter__(self) -> Self:
        """Close the connection at the end of the block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Leave the server, at any time."""
        self._stream.close()

    def _read(self, remaining: float, limit: float) -> bytes:
        self._stream.settimeout(max(remaining, 0.001))
        try:
            data = self._stream.recv(_READ_BYTES)
        except TimeoutError as error:
            raise SilenceError(f"no message from the server for {limit:g} s") from error
        except OSError as error:
            raise self._ended(contexts.reason(error), _hint(error)) from error
        if not data:
            whole = self._session.end_of_input()
            raise self._ended("" if whole else "inside a message")
        return data

    def _flush(self) -> None:
        self._stream.settimeout(self._timeouts.write)
        try:
            self._stream.sendall(self._session.data_to_send())
        except TimeoutError as error:
            raise SilenceError("the server takes nothing any more") from error
        except OSError as error:
            told = self._last_word() or error
            raise self._ended(contexts.reason(told), _hint(told)) from error

    def _last_word(self) -> OSError | None:
        """Return the server's alert, if it sent one before it closed: writing does not see it."""
        self._stream.settimeout(_LAST_WORD_SECONDS)
        try:
            self._stream.recv(_READ_BYTES)
        except OSError as error:
            return error if isinstance(error, ssl.SSLError) else None
        return None

    def _ended(self, how: str, hint: str = "") -> DialError:
        how = f": {how}" if how else ""
        if self._server:
            return ClosedError(f"the server closed the connection{how}")
        return RefusedError(f"the server closed the connection before its hello{how}", hint)


def connect(
    address: Address,
    hello: ClientHello,
    *,
    tls: Tls | None = None,
    timeouts: Timeouts | None = None,
) -> Connection:
    """Connect and exchange hellos; raise DialError when there is no server that serves us."""
    timeouts = timeouts or Timeouts()
    context = _context(tls) if tls else None
    try:
        stream = socket.create_connection(address, timeouts.connect)
    except UnicodeError as error:
        text = f"cannot connect to {address.text}: no host can have such a name"
        raise UnreachableError(text) from error
    except OSError as error:
        raise UnreachableError(
            f"cannot connect to {address.text}: {contexts.reason(error)}"
        ) from error
    try:
        if tls and context:
            stream = _secured(stream, context, tls)
        return Connection(stream, ClientSession(hello), timeouts)
    except BaseException:
        stream.close()
        raise


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # demands a certificate fit for servers
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    try:
        contexts.trust(context, File("CA file", tls.ca_file))
        contexts.show(context, File("certificate", tls.cert_file), File("key", tls.key_file))
    except contexts.UnusableError as error:
        raise TlsError(str(error)) from error
    return context


def _secured(stream: socket.socket, context: ssl.SSLContext, tls: Tls) -> ssl.SSLSocket:
    try:
        secured = context.wrap_socket(stream)
    except ssl.SSLCertVerificationError as error:
        text = f"the server's certificate does not pass: {error.verify_message}"
        hint = "" if error.verify_code in _OUT_OF_TIME else "is the CA file that of its authority?"
        raise TlsError(text, hint) from error
    except TimeoutError as error:
        text = "no answer to the TLS handshake"
        raise TlsError(text, "a server without TLS stays silent like this") from error
    except OSError as error:
        text = f"the TLS handshake failed: {contexts.reason(error) or 'the connection was closed'}"
        raise TlsError(text, _hint(error)) from error
    if not _is_expected(secured.getpeercert() or {}, tls):
        secured.close()
        wanted = " or ".join(filter(None, (tls.server_cn, tls.server_uri)))
        raise TlsError(f"the server's certificate is not that of {wanted}")
    return secured


def _is_expected(certificate: dict[str, Any], tls: Tls) -> bool:
    """Compare names as Go does: the last common name, any of the URIs, letter by letter."""
    if not tls.server_cn and not tls.server_uri:
        return True
    subject = [pair for names in certificate.get("subject", ()) for pair in names]
    common_names = [name for kind, name in subject if kind == "commonName"]
    uris = [name for kind, name in certificate.get("subjectAltName", ()) if kind == "URI"]
    if tls.server_cn and common_names[-1:] == [tls.server_cn]:
        return True
    return bool(tls.server_uri) and tls.server_uri in uris


def _hint(error: OSError) -> str:
    """Return what a server's alert means; empty where it is none about our certificate."""
    return _ALERTS.get(error.reason, "") if isinstance(error, ssl.SSLError) else ""
