"""The socket that all workers accept from.

It is bound before anything is forked, and listens only once the watcher has reached the
datastore: until then a client is refused and tries another server.
"""

import contextlib
import errno
import socket
from typing import Final

DEFAULT_PORT: Final = 5473  # what port 0 means, as in the original
EVERYWHERE: Final = frozenset({"", "::", "0.0.0.0"})  # noqa: S104 Go means IPv6 too by each
BACKLOG: Final = 4096  # the kernel lowers it to net.core.somaxconn


class ListenError(Exception):
    """The address cannot be had; the text names the settings."""

    def __init__(self, host: str, port: int, cause: OSError) -> None:
        super().__init__(
            f"cannot listen on ServerHost={host or '(all)'} ServerPort={port}: {cause.strerror}"
        )


def bind(host: str, port: int) -> socket.socket:
    """Return a non-blocking socket bound to `host` and `port`, deaf yet.

    Empty or unspecified, the host means every address of both families.
    Raises ListenError.
    """
    try:
        family, address = _resolve(host, port)
        return _bound(family, address)
    except OSError as error:
        if host in EVERYWHERE and error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
            return _bind_ipv4(port)  # a kernel without IPv6
        raise ListenError(host, port, error) from error


def open_(listener: socket.socket) -> None:
    """Begin to listen.  Raises ListenError, also when another process took the port meanwhile."""
    try:
        listener.listen(BACKLOG)
    except OSError as error:
        host, port = listener.getsockname()[:2]
        raise ListenError(host, port, error) from error


def close(listener: socket.socket) -> None:
    """Refuse connections from now on, in every process that inherited the socket."""
    with contextlib.suppress(OSError):  # it never listened
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def _resolve(host: str, port: int) -> tuple[int, tuple[str, int]]:
    if host in EVERYWHERE:
        return socket.AF_INET6, ("::", port)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError as error:
        raise OSError(errno.EINVAL, "no host can have such a name") from error
    family, _type, _protocol, _name, address = found[0]
    return family, (str(address[0]), int(address[1]))


def _bind_ipv4(port: int) -> socket.socket:
    try:
        return _bound(socket.AF_INET, ("0.0.0.0", port))  # noqa: S104 the original's default
    except OSError as error:
        raise ListenError("", port, error) from error


def _bound(family: int, address: tuple[str, int]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and address[0] == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    listener.settimeout(0)
    return listener
