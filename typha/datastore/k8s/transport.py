"""Connections to one API server: TLS as the Go client does it, keep-alive, proxies.

Knows no request.  Pools are made anew when a certificate was replaced, for an open pool would use
the old one for ever.
"""

import contextlib
import ipaddress
import logging
import socket
import ssl
import threading
import urllib.parse
import weakref
from typing import Any, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from typha.certs import contexts
from typha.certs.contexts import File
from typha.datastore.k8s.account import Endpoint

log = logging.getLogger(__name__)

MAX_CONNECTIONS: Final = 64  # kept open; each watch holds one
# A peer that has gone without a word is noticed within half a minute.
SOCKET_OPTIONS: Final = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000),
)


class OpenSockets:
    """The sockets of all connections, to end requests that wait for an answer."""

    def __init__(self) -> None:
        """Start with none."""
        self._is_shut = False
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()

    def add(self, opened: Any) -> None:
        """Note a socket; it is forgotten when nobody uses it."""
        with self._lock:
            self._sockets.add(opened)
            if self._is_shut:
                _shut(opened)

    def shut(self) -> None:
        """End all, also those to come; whoever reads from one sees its end."""
        with self._lock:
            self._is_shut = True
        self.drop()

    def drop(self) -> None:
        """End all that there are."""
        with self._lock:
            for opened in list(self._sockets):
                _shut(opened)


def _shut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        # Past TLS, whose state belongs to the thread that reads.
        socket.socket.shutdown(opened, socket.SHUT_RDWR)


def pool_manager(endpoint: Endpoint, sockets: OpenSockets) -> urllib3.PoolManager:
    """Make the connections' pool.  Raises contexts.UnusableError."""
    options: dict[str, Any] = {
        "maxsize": MAX_CONNECTIONS,
        "retries": False,
        "socket_options": SOCKET_OPTIONS,
    }
    if endpoint.url.startswith("https:"):
        options["ssl_context"] = _tls(endpoint)
        options["server_hostname"] = endpoint.server_name
        if not endpoint.verify:
            options["cert_reqs"] = "CERT_NONE"
            urllib3.disable_warnings(InsecureRequestWarning)  # said once, here
            log.warning("the API server's certificate is not checked, as configured")
    host = urllib.parse.urlsplit(endpoint.url).hostname or ""
    if endpoint.proxy and not is_direct(host, endpoint.no_proxy):
        manager: urllib3.PoolManager = urllib3.ProxyManager(endpoint.proxy, **options)
    else:
        manager = urllib3.PoolManager(**options)
    manager.pool_classes_by_scheme = {
        "http": _tracked(urllib3.HTTPConnectionPool, HTTPConnection, sockets),
        "https": _tracked(urllib3.HTTPSConnectionPool, HTTPSConnection, sockets),
    }
    return manager


def _tracked(pool: type, connection: type[HTTPConnection], sockets: OpenSockets) -> Any:
    """Make a pool whose connections note their sockets."""

    def connect(self: HTTPConnection) -> None:
        connection.connect(self)
        sockets.add(self.sock)

    noting = type(connection.__name__, (connection,), {"connect": connect})
    return type(pool.__name__, (pool,), {"ConnectionCls": noting})


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    """Trust what the Go client trusts: also authorities without key identifiers or key usage."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    if not endpoint.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif endpoint.ca_file:
        contexts.trust(context, File("the API server's CA file", endpoint.ca_file))
    else:
        context.load_default_certs()
    if endpoint.cert_file:
        key_file = endpoint.key_file or endpoint.cert_file
        certificate = File("our certificate for the API server", endpoint.cert_file)
        contexts.show(context, certificate, File("its key", key_file))
    return context


def text(error: BaseException) -> str:
    """Say what happened in the words of where it happened, without the library's around them."""
    cause = error
    while isinstance(cause, HTTPError) and (inner := _inner(cause)) is not None:
        cause = inner
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the API server's certificate is refused: {cause.verify_message}"
    return str(cause) or type(cause).__name__


def _inner(error: HTTPError) -> BaseException | None:
    candidates = (error.__cause__, *error.args)
    return next((one for one in candidates if isinstance(one, BaseException)), None)


def is_direct(host: str, no_proxy: str) -> bool:
    """Say whether `host` is reached without the proxy: by name, domain, address or network."""
    for entry in filter(None, (part.strip() for part in no_proxy.split(","))):
        name = entry.lstrip(".").lower()
        if entry == "*" or host.lower() == name or host.lower().endswith(f".{name}"):
            return True
        if _is_inside(host, entry):
            return True
    return False


def _is_inside(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
