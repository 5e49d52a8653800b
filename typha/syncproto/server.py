"""The server's side of one connection, sans-IO: bytes in, events and bytes out.

The shell feeds what it receives and writes what `data_to_send` returns; the shared bytes of
snapshot and deltas it sends by itself, and it keeps all clocks.  The course of a connection:

    HELLO ─hello─▶ RESTARTING ─ack─▶ SNAPSHOT ─sent─▶ FINISHING ─ack─▶ STREAMING
      └────hello─▶ PLAIN_SNAPSHOT ─────────sent───────────────────────────┘

The upper way is that of clients which take snappy and decoder restarts, the lower of all others.
While an ACK is awaited the client's decoder is not ready: nothing may be sent to it then.
"""

import dataclasses
from enum import Enum, auto
from typing import Final

from typha.gob.values import Limits
from typha.syncproto import dialects, schema
from typha.syncproto.errors import HelloError, PeerError, UnexpectedMessageError, UsageError
from typha.syncproto.events import Event, HelloAccepted, Ponged, SnapshotWanted, Streaming
from typha.syncproto.messages import Ack, ClientHello, Codec, Dialect, Message, Pong, SyncerType
from typha.syncproto.parsing import MessageReader
from typha.telemetry.closing import CloseReason

RESTART_TEXT: Final = "enable compression: snappy;send binary snapshot"
MAX_MESSAGE_BYTES: Final = 1 << 20  # the reference's cap where it has one; a real hello has 400
MAX_TEXT: Final = 1024  # what is kept of names a client gives itself; Kubernetes' have 253
MAX_ALGORITHMS: Final = 8  # of compression; there is one
MAX_UNASKED_PONGS: Final = 100  # between two pings; real clients send none, floods cost us time
_LIMITS: Final = Limits(message_bytes=MAX_MESSAGE_BYTES)


class State(Enum):
    """What the session is waiting for."""

    HELLO = auto()
    RESTARTING = auto()  # the ACK before the snapshot
    SNAPSHOT = auto()  # the shell's word that the snapshot is on its way
    FINISHING = auto()  # the ACK behind the snapshot
    PLAIN_SNAPSHOT = auto()  # like SNAPSHOT, without an ACK behind it
    STREAMING = auto()
    CLOSED = auto()


class Input(Enum):
    """What can happen to a session."""

    HELLO = auto()
    RESTARTING_HELLO = auto()  # of a client that takes snappy and decoder restarts
    ACK = auto()
    PONG = auto()  # to a ping of ours
    UNASKED_PONG = auto()
    OTHER = auto()  # any other message, or none in an envelope
    SNAPSHOT_SENT = auto()
    PING_SENT = auto()


NEXT: Final = {
    (State.HELLO, Input.HELLO): State.PLAIN_SNAPSHOT,
    (State.HELLO, Input.RESTARTING_HELLO): State.RESTARTING,
    (State.RESTARTING, Input.ACK): State.SNAPSHOT,
    (State.SNAPSHOT, Input.PING_SENT): State.SNAPSHOT,
    (State.SNAPSHOT, Input.PONG): State.SNAPSHOT,
    (State.SNAPSHOT, Input.SNAPSHOT_SENT): State.FINISHING,
    (State.FINISHING, Input.PONG): State.FINISHING,
    (State.FINISHING, Input.ACK): State.STREAMING,
    (State.PLAIN_SNAPSHOT, Input.PING_SENT): State.PLAIN_SNAPSHOT,
    (State.PLAIN_SNAPSHOT, Input.PONG): State.PLAIN_SNAPSHOT,
    (State.PLAIN_SNAPSHOT, Input.SNAPSHOT_SENT): State.STREAMING,
    (State.STREAMING, Input.PING_SENT): State.STREAMING,
    (State.STREAMING, Input.PONG): State.STREAMING,
    (State.STREAMING, Input.UNASKED_PONG): State.STREAMING,
}
_OF_THE_SHELL: Final = frozenset({Input.SNAPSHOT_SENT, Input.PING_SENT})
# What the shell learns by entering a state.
_ANNOUNCED: Final[dict[State, Event]] = {
    State.SNAPSHOT: SnapshotWanted(),
    State.PLAIN_SNAPSHOT: SnapshotWanted(),
    State.STREAMING: Streaming(),
}


class ServerSession:
    """One client.  `version` and `connection_id` are what the client will log of us."""

    __slots__ = (
        "_connection_id",
        "_outgoing",
        "_pings",
        "_reader",
        "_refuse_legacy",
        "_unasked_pongs",
        "_version",
        "state",
    )

    def __init__(self, *, version: str, connection_id: int, refuse_legacy: bool = False) -> None:
        self.state = State.HELLO
        self._version = version
        self._connection_id = connection_id
        self._refuse_legacy = refuse_legacy
        self._reader = MessageReader(_LIMITS)
        self._outgoing = b""
        self._pings = 0  # sent and not answered
        self._unasked_pongs = 0  # since the last ping

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes from the client; return what they mean.

        Raises PeerError when the connection has to be closed, whose `reason` says why, and
        UsageError when it is closed already.
        """
        if self.state is State.CLOSED:
            raise UsageError("the session is closed")
        events: list[Event] = []
        try:
            if routine := self._reader.routine(data):
                return self._handle(routine)
            self._reader.feed(data)
            for message in self._reader.messages():
                events += self._handle(message)
        except PeerError:
            self.state = State.CLOSED
            raise
        return events

    def end_of_input(self) -> CloseReason:
        """Take note that the client sends no more; return what that means."""
        self.state = State.CLOSED
        return CloseReason.CONNECTION_LOST if self._reader.buffered else CloseReason.CLIENT_LEFT

    def data_to_send(self) -> bytes:
        """Return, once, what the protocol itself has to say; to be sent before anything else."""
        data, self._outgoing = self._outgoing, b""
        return data

    def snapshot_sent(self) -> list[Event]:
        """Take note that the last byte of the snapshot was handed over; return what follows.

        To be called before any more is received: the client may acknowledge at once.
        """
        return self._enter(Input.SNAPSHOT_SENT)

    def ping_sent(self) -> None:
        """Take note of a ping, which makes one pong legal; raise UsageError where none may be."""
        self._enter(Input.PING_SENT)
        self._pings += 1
        self._unasked_pongs = 0

    def _handle(self, message: Message | None) -> list[Event]:
        match message:
            case ClientHello() if self.state is State.HELLO:
                return self._greet(message)
            case Pong():
                self._enter(self._count_pong())
                return [Ponged(unix_nanoseconds=message.ping_unix_nanoseconds)]
            case Ack():
                return self._enter(Input.ACK)
            case _:
                return self._enter(Input.OTHER, type(message).__name__ if message else "nothing")

    def _count_pong(self) -> Input:
        if self._pings:
            self._pings -= 1
            return Input.PONG
        self._unasked_pongs += 1
        if self._unasked_pongs > MAX_UNASKED_PONGS:
            raise UnexpectedMessageError(f"{self._unasked_pongs} pongs without a ping")
        return Input.UNASKED_PONG

    def _greet(self, hello: ClientHello) -> list[Event]:
        accepted = accept(hello, refuse_legacy=self._refuse_legacy)
        events = self._enter(Input.RESTARTING_HELLO if accepted.restarts else Input.HELLO)
        self._outgoing += schema.PREAMBLE
        self._outgoing += schema.server_hello(self._version, accepted.syncer, self._connection_id)
        if accepted.restarts:
            self._outgoing += schema.decoder_restart(RESTART_TEXT, accepted.codec)
        return [accepted, *events]

    def _enter(self, happening: Input, what: str = "") -> list[Event]:
        """Change the state as the table says; return what is new by it."""
        before = self.state
        after = NEXT.get((before, happening))
        if after is not None:
            self.state = after
            return [_ANNOUNCED[after]] if after is not before and after in _ANNOUNCED else []
        place = before.name.lower()
        name = what or happening.name.lower()
        if happening in _OF_THE_SHELL:
            raise UsageError(f"{name} in state {place}")
        if before is State.HELLO:
            raise HelloError(CloseReason.NO_HELLO, f"{name} as the first message")
        raise UnexpectedMessageError(f"{name} in state {place}")


def accept(hello: ClientHello, *, refuse_legacy: bool) -> HelloAccepted:
    """Decide how a client is served; raise HelloError where it is not."""
    try:
        # Clients before v3.3 name no syncer; they are Felix.
        syncer = SyncerType(hello.syncer_type or SyncerType.FELIX)
    except ValueError as error:
        text = f"no syncer is called {hello.syncer_type[:MAX_TEXT]!r}"
        raise HelloError(CloseReason.UNKNOWN_SYNCER, text) from error
    dialect = dialects.of(hello)
    if refuse_legacy and dialect is not Dialect.MODERN:
        text = f"version {hello.version[:MAX_TEXT]!r} does not know today's policy keys"
        raise HelloError(CloseReason.LEGACY_CLIENT_REFUSED, text)
    # As in the reference, without a restart there is no way to begin compression.
    compress = hello.supports_decoder_restart and Codec.SNAPPY in hello.compression_algorithms
    codec = Codec.SNAPPY if compress else Codec.PLAIN
    return HelloAccepted(hello=_kept(hello), syncer=syncer, codec=codec, dialect=dialect)


def _kept(hello: ClientHello) -> ClientHello:
    """Make of what a client says of itself something to keep and to show."""
    algorithms = hello.compression_algorithms
    said = "".join((hello.hostname, hello.info, hello.version, *algorithms))
    if said.isascii() and len(said) <= MAX_TEXT and len(algorithms) <= MAX_ALGORITHMS:
        return hello
    return dataclasses.replace(
        hello,
        hostname=_shown(hello.hostname),
        info=_shown(hello.info),
        version=_shown(hello.version),
        compression_algorithms=tuple(map(_shown, algorithms[:MAX_ALGORITHMS])),
    )


def _shown(text: str) -> str:
    """Shorten a text, and replace what cannot be shown: Go's strings are bytes."""
    return text[:MAX_TEXT].encode(errors="surrogateescape").decode(errors="replace")
