"""A server of Felix's protocol for a handful of clients, so that the swarm can be tested alone.

One thread a connection; whatever is published goes to everybody behind their snapshot.
"""

import contextlib
import socket
import ssl
import threading

from typha.syncproto import events, frames, schema, snappy
from typha.syncproto.messages import Codec, SyncStatus
from typha.syncproto.server import ServerSession


class SmallServer:
    """Serves one set of elements; `publish` sends changes to all."""

    def __init__(self, context: ssl.SSLContext, elements: list[bytes]) -> None:
        self._context = context
        self._elements = elements
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._streaming: list[tuple[ssl.SSLSocket, Codec]] = []
        self._lock = threading.Lock()
        self.pongs: list[int] = []
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def publish(self, elements: list[bytes]) -> None:
        """Send one batch to every client."""
        with self._lock:
            self._elements += elements
            for client, codec in self._streaming:
                with contextlib.suppress(OSError):  # it has left
                    client.sendall(frames.deltas(elements, None, codec))

    def ping(self) -> None:
        """Ping every client."""
        with self._lock:
            for client, codec in self._streaming:
                text = schema.ping(1_700_000_000_000_000_000)
                client.sendall(snappy.compress(text) if codec is Codec.SNAPPY else text)

    def close(self) -> None:
        """Stop serving."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts
        self._listener.close()
        with self._lock, contextlib.suppress(OSError):
            for client, _ in self._streaming:
                client.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),  # clients leave as they like
            self._context.wrap_socket(connection, server_side=True) as client,
        ):
            self._talk(client)

    def _talk(self, client: ssl.SSLSocket) -> None:
        session = ServerSession(version="small", connection_id=1)
        codec = Codec.PLAIN
        while data := client.recv(65536):
            happened = session.receive(data)
            if waiting := session.data_to_send():
                client.sendall(waiting)
            while happened:
                match happened.pop(0):
                    case events.HelloAccepted() as accepted:
                        codec = accepted.codec
                    case events.SnapshotWanted():
                        client.sendall(self._snapshot(codec))
                        happened += session.snapshot_sent()
                    case events.Streaming():
                        self._stream(client, codec)
                    case events.Ponged() as ponged:
                        self.pongs.append(ponged.unix_nanoseconds)

    def _snapshot(self, codec: Codec) -> bytes:
        whole = frames.deltas(self._elements, None, codec)
        return frames.opening(codec) + whole + frames.snapshot_end(codec)

    def _stream(self, client: ssl.SSLSocket, codec: Codec) -> None:
        with self._lock:
            client.sendall(frames.opening(codec) + frames.deltas([], SyncStatus.IN_SYNC, codec))
            self._streaming.append((client, codec))
