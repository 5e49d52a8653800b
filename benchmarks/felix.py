"""One simulated Felix: real TLS, the right hello, every ACK and pong, and next to no work.

What it is sent is looked up in the shared pieces, with the moment of arrival; what that means for
latency, counts and content is found out when nothing is being measured any more.
"""

import socket
import ssl
import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from benchmarks import gobheads
from benchmarks.pieces import HEADER_BYTES, Piece, Position, Streams, chunk_size
from typha.syncproto import client_schema, timestamps
from typha.syncproto.messages import ClientHello, Codec, SyncStatus

RECORD_BYTES: Final = 16384  # the most that one TLS record holds
BUFFER: Final = bytearray(1 << 16)
VIEW: Final = memoryview(BUFFER)
PLAIN: Final = Streams(compressed=False)
SNAPPY: Final = Streams(compressed=True)


class State(Enum):
    """What a client is doing."""

    CONNECTING = auto()
    HANDSHAKE = auto()
    STREAMING = auto()
    STUCK = auto()  # connected, and never reading again
    CLOSED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a release of Felix says of itself in its hello."""

    version: str
    restarts: bool = True
    modern: bool = False


RELEASES: Final = {
    "v3.32": Release(version="v3.32.1", modern=True),
    "v3.28": Release(version="v3.28.5"),
    "v3.24": Release(version="v3.24.6", restarts=False),
    "v3.8": Release(version="v3.8.9", restarts=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Clients that are alike."""

    clients: int
    syncer: str = "felix"
    release: str = "v3.32"
    stuck: int = 0  # how many of them stop reading once they are in sync
    sink: bool = False  # no protocol: only TLS, and reading

    def hello(self, number: int) -> ClientHello:
        """Say what a client of the group says first."""
        release = RELEASES[self.release]
        return ClientHello(
            hostname=f"node-{number:05d}",
            info="benchmark",
            version=release.version,
            syncer_type=self.syncer,
            supports_decoder_restart=release.restarts,
            compression_algorithms=(Codec.SNAPPY.value,) if release.restarts else (),
            supports_modern_policy_keys=release.modern,
            connection_id=number + 1,
        )


class Client:
    """One connection.  Knows the moment only from the clock; its owner polls its socket."""

    __slots__ = (
        *("answer", "awaited", "bare", "error", "group", "hello", "in_sync_at", "incoming", "log"),
        *("missing", "newest", "number", "outgoing", "position", "read_up_to", "record"),
        *("secured_at", "socket", "state", "tls", "token", "tail", "will_stick"),
    )

    def __init__(self, number: int, group: Group, context: ssl.SSLContext) -> None:
        self.number, self.group = number, group
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)
        self.socket = socket.socket()
        self.socket.settimeout(0)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.state = State.CONNECTING
        self.hello = b"" if group.sink else client_schema.hello(group.hello(number))
        self.position: Position = PLAIN.start
        self.log: list[tuple[int, Piece]] = []  # every piece, and when it came
        self.record: list[tuple[int, bytes]] | None = None  # a sampler keeps the bytes as well
        self.newest = self.read_up_to = 0  # marker's time in the log, and how far it was read
        self.tail = b""  # of a chunk that has not wholly come and is not known yet
        self.awaited: Piece | None = None  # a known piece of which `missing` bytes are to come
        self.missing = 0
        self.token = 0  # names what the client has been told up to the last check
        self.secured_at = self.in_sync_at = 0.0
        self.will_stick = False
        self.error = ""

    def connect(self, address: tuple[str, int]) -> None:
        """Begin to connect."""
        self.socket.connect_ex(address)

    def between_messages(self) -> bool:
        """Tell whether nothing has come that only makes sense with what is to come."""
        return not (self.tail or self.awaited) and self.position is self.position.streams.start

    def ready(self) -> None:
        """Go on: the socket can be read, or has just been connected."""
        try:
            if self.state is State.STREAMING:
                self._receive()
            else:
                self._advance()
        except (OSError, gobheads.StreamError) as error:
            self.close(str(error) or type(error).__name__)

    def close(self, reason: str) -> None:
        """End the connection; the first reason is kept."""
        if self.state is not State.CLOSED:
            self.state, self.error = State.CLOSED, reason
            self.socket.close()

    def _advance(self) -> None:
        if self.state is State.CONNECTING:
            if error := self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise ConnectionError(error, "cannot connect")
            self.state = State.HANDSHAKE
        elif not self._fetch():
            return
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        self.state, self.secured_at = State.STREAMING, time.monotonic()
        self.send(self.hello)
        if self.incoming.pending:
            self._decrypt()

    def _fetch(self) -> int:
        """Move what has arrived to the TLS side; returns how much.  Raises if it was the end."""
        try:
            count = self.socket.recv_into(BUFFER)
        except BlockingIOError:
            return 0
        if not count:
            raise ConnectionError("closed by the server")
        return self.incoming.write(VIEW[:count])

    def _receive(self) -> None:
        if self._fetch():
            self._decrypt()

    def _decrypt(self) -> None:
        """Take every record that is complete: the path that thousands of clients share."""
        now, incoming, read = time.time_ns(), self.incoming, self.tls.read
        while incoming.pending:
            try:
                data = read(RECORD_BYTES)
            except ssl.SSLWantReadError:
                break
            if self.record is not None:
                self.record.append((now, data))
            piece = self.position.known.get(data[:HEADER_BYTES])
            if piece and piece.size == len(data) and not self.tail and not self.awaited:
                self._take(piece, now)
            else:
                self._feed(data, now)
        if self.outgoing.pending:
            self._flush()

    def _feed(self, data: bytes, now: int) -> None:
        """Take bytes that are not exactly one known piece."""
        if self.group.sink:
            return
        if self.awaited:
            if len(data) < self.missing:
                self.missing -= len(data)
                return
            piece, data, self.awaited = self.awaited, data[self.missing :], None
            self._take(piece, now)
        if self.position.streams is PLAIN:
            self._take(self.position.known.get(data) or self.position.learn(data), now)
        else:
            self._feed_chunks(self.tail + data, now)

    def _feed_chunks(self, data: bytes, now: int) -> None:
        self.tail, at = b"", 0
        while len(data) - at >= HEADER_BYTES:
            header = data[at : at + HEADER_BYTES]
            end = at + chunk_size(header)
            piece = self.position.known.get(header)
            if end > len(data):
                if piece:
                    self.awaited, self.missing = piece, end - len(data)
                    return
                break
            self._take(piece or self.position.learn(data[at:end]), now)
            at = end
        self.tail = data[at:]

    def _take(self, piece: Piece, now: int) -> None:
        self.log.append((now, piece))
        self.position = piece.after
        if piece.answered:
            for message in piece.answered:
                self._answer(message)

    def _answer(self, message: gobheads.Message) -> None:
        match message.name:
            case "MsgDecoderRestart":
                codec = gobheads.text_fields(message.body).get(1, b"").decode()
                self.position = (SNAPPY if codec == Codec.SNAPPY else PLAIN).start
                self.send(client_schema.ack())
            case "MsgPing":
                sent = timestamps.decode(gobheads.text_fields(message.body)[0])
                self.send(client_schema.pong(sent))
            case "MsgSyncStatus":
                if gobheads.number_field(message.body) == SyncStatus.IN_SYNC:
                    self.in_sync_at = self.in_sync_at or time.monotonic()
                    if self.will_stick:
                        self.state = State.STUCK

    def send(self, data: bytes) -> None:
        """Send a few bytes."""
        if data:
            self.tls.write(data)
        self._flush()

    def _flush(self) -> None:
        # What a Felix says fits into any socket's buffer; a server that never reads is an error.
        if data := self.outgoing.read():
            self.socket.sendall(data)
