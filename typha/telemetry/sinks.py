"""Where log lines go: a file descriptor, a file that may be rotated away, syslog's socket.

A sink writes and knows nothing of levels, layouts and threads; what it raises is an OSError.
"""

import os
import select
import socket
import time
from pathlib import Path
from typing import Final, Protocol

_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644
_SYSLOG_PATHS: Final = ("/dev/log", "/var/run/syslog", "/var/run/log")  # where Go looks
_FACILITY_USER: Final = 1 << 3
_TAG: Final = "calico-typha"

# syslog's severities by the word a line begins with
_SEVERITIES: Final = {"PANIC": 2, "FATAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}


class Sink(Protocol):
    """Something that takes lines."""

    def write(self, line: str) -> None:
        """Write one line, without its end; raise OSError if that fails."""

    def close(self) -> None:
        """Let go of what is held open."""


class Screen:
    """Standard output: the descriptor itself, so that a line is written by one call."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor

    def write(self, line: str) -> None:
        """Write one line."""
        _write_all(self._descriptor, _encoded(line))

    def close(self) -> None:
        """Leave the descriptor open; it is not ours."""


class File:
    """A file that is appended to, and opened again when it was moved away."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        self._descriptor = self._open()

    def write(self, line: str) -> None:
        """Append one line."""
        if self._moved():
            os.close(self._descriptor)
            self._descriptor = self._open()
        _write_all(self._descriptor, _encoded(line))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(self._path, flags, _FILE_MODE)

    def _moved(self) -> bool:
        """Say whether the path no longer leads to the open file."""
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return True


class Syslog:
    """The machine's own syslog, over its socket; connected again once when it was restarted."""

    def __init__(self, paths: tuple[str, ...] = _SYSLOG_PATHS) -> None:
        self._paths = paths
        self._socket = self._connect()

    def write(self, line: str) -> None:
        """Send one line, whose first word is its severity."""
        priority = _FACILITY_USER | _SEVERITIES.get(line.partition(" ")[0], 6)
        stamp = time.strftime("%b %e %H:%M:%S")
        message = _encoded(f"<{priority}>{stamp} {_TAG}[{os.getpid()}]: {line}")
        try:
            self._socket.send(message)
        except OSError:
            self._socket.close()
            self._socket = self._connect()
            self._socket.send(message)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _connect(self) -> socket.socket:
        failure = OSError("no path to look for syslog at")
        for path in self._paths:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                connection = socket.socket(socket.AF_UNIX, kind)
                try:
                    connection.connect(path)
                except OSError as error:
                    connection.close()
                    failure = error
                else:
                    return connection
        raise failure


def _encoded(line: str) -> bytes:
    return f"{line}\n".encode("utf-8", errors="backslashreplace")


def _write_all(descriptor: int, data: bytes) -> None:
    """Write everything, waiting where the other end of a pipe is slow."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
