"""The least that can stand around a ServerSession: bytes in, bytes out; and a server made of it.

For tests of the protocol and of its clients; the real server is `typha serve`.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from typha.syncproto import frames, schema, snappy
from typha.syncproto.errors import PeerError
from typha.syncproto.events import Event, HelloAccepted, Ponged, SnapshotWanted, Streaming
from typha.syncproto.messages import Codec, SerializedUpdate, SyncStatus
from typha.syncproto.server import ServerSession


def elements(updates: Iterable[SerializedUpdate]) -> list[bytes]:
    """Return updates as the server keeps them."""
    return [
        schema.element(
            update.key,
            update.value,
            update.revision,
            update.v3_resource_version,
            update.update_type,
            ttl=update.ttl_nanoseconds,
        )
        for update in updates
    ]


def server_context(folder: Path, stem: str = "typha") -> ssl.SSLContext:
    """Return a context that demands client certificates of the CA in this folder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{stem}.crt", folder / f"{stem}.key")
    context.load_verify_locations(folder / "typhaca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


class Shell:
    """Serves one client: a snapshot, a status, and then whatever `deltas` makes."""

    def __init__(
        self,
        snapshot: list[bytes],
        *,
        status: SyncStatus | None = SyncStatus.IN_SYNC,
        largest_batch: int = frames.LARGEST_BATCH,
        refuse_legacy: bool = False,
    ) -> None:
        self.session = ServerSession(
            version="v0.0.1-test", connection_id=42, refuse_legacy=refuse_legacy
        )
        self.accepted: HelloAccepted | None = None
        self.streaming = False
        self.pongs: list[int] = []
        self._codec = Codec.PLAIN
        self._snapshot = snapshot
        self._status = status
        self._largest_batch = largest_batch

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the client; return what it is to be sent."""
        events = self.session.receive(data)
        answer = self.session.data_to_send()
        while events:
            answer += self._react(events.pop(0), events)
        return answer

    def deltas(self, changed: list[bytes], status: SyncStatus | None = None) -> bytes:
        """Return what tells the client of changes."""
        return frames.deltas(changed, status, self._codec, self._largest_batch)

    def ping(self, unix_nanoseconds: int) -> bytes:
        """Return a ping, and note that it is sent."""
        self.session.ping_sent()
        ping = schema.ping(unix_nanoseconds)
        return snappy.compress(ping) if self._codec is Codec.SNAPPY else ping

    def _react(self, event: Event, events: list[Event]) -> bytes:
        match event:
            case HelloAccepted():
                self.accepted = event
                self._codec = event.codec
            case SnapshotWanted():
                events += self.session.snapshot_sent()
                return (
                    frames.opening(self._codec)
                    + self.deltas(self._snapshot)
                    + frames.snapshot_end(self._codec)
                )
            case Streaming():
                self.streaming = True
                return frames.opening(self._codec) + self.deltas([], self._status)
            case Ponged():
                self.pongs.append(event.unix_nanoseconds)
        return b""


class ThreadedServer:
    """A server on 127.0.0.1 with a thread a client, over TLS or plain TCP.

    `endings` holds why connections ended, in the order in which they did.
    """

    def __init__(
        self,
        snapshot: list[bytes],
        *,
        context: ssl.SSLContext | None = None,
        largest_batch: int = frames.LARGEST_BATCH,
    ) -> None:
        self.endings: list[str] = []
        self.shells: list[Shell] = []
        self._snapshot = snapshot
        self._context = context
        self._largest_batch = largest_batch
        self._open: list[socket.socket] = []
        self._connections: list[tuple[socket.socket, Shell]] = []  # behind their snapshot
        self._changed = threading.Condition()
        self._closing = False
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def __enter__(self) -> Self:
        """End every thread at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every thread."""
        # Only a shutdown wakes a thread that waits in accept or recv.
        with self._changed:
            self._closing = True
            for opened in (self._listener, *self._open):
                with contextlib.suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(60)
        self._listener.close()

    def wait_until_streaming(self, clients: int) -> None:
        """Wait until so many clients have their snapshots."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._streaming() >= clients, 90)

    def wait_for_endings(self, count: int) -> None:
        """Wait until so many connections have ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.endings) >= count, 90)

    def publish(self, changed: list[bytes], status: SyncStatus | None = None) -> None:
        """Tell every client that has its snapshot of changes."""
        with self._changed:
            for connection, shell in self._connections:
                connection.sendall(shell.deltas(changed, status))

    def ping(self, unix_nanoseconds: int) -> None:
        """Ping every client that has its snapshot."""
        with self._changed:
            for connection, shell in self._connections:
                connection.sendall(shell.ping(unix_nanoseconds))

    def _streaming(self) -> int:
        return sum(shell.streaming for shell in self.shells)

    def _start(self, body: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=body, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener is shut down in the end
            while True:
                connection, _ = self._listener.accept()
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with self._changed:
                self._open.append(connection)
                if self._closing:
                    connection.shutdown(socket.SHUT_RDWR)
            ending = self._talk(connection)
        except PeerError as error:
            ending = error.reason.value
        except OSError as error:
            ending = type(error).__name__
        with self._changed:
            connection.close()
            self._open = [kept for kept in self._open if kept is not connection]
            self._connections = [kept for kept in self._connections if kept[0] is not connection]
            self.endings.append(ending)
            self._changed.notify_all()

    def _talk(self, connection: socket.socket) -> str:
        shell = Shell(self._snapshot, largest_batch=self._largest_batch)
        self.shells.append(shell)
        while data := connection.recv(65536):
            with self._changed:
                was_streaming = shell.streaming
                if answer := shell.receive(data):
                    connection.sendall(answer)
                if shell.streaming and not was_streaming:
                    self._connections.append((connection, shell))
                self._changed.notify_all()
        return shell.session.end_of_input().value
