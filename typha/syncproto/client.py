"""The client's side of one connection, sans-IO: bytes in, messages and bytes out.

What the protocol wants answered (restarts, pings) it answers by itself, through `data_to_send`.
"""

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

from typha.gob.values import Limits
from typha.syncproto import client_schema, snappy
from typha.syncproto.errors import (
    HelloError,
    PeerError,
    UndecodableError,
    UnexpectedMessageError,
    UsageError,
)
from typha.syncproto.messages import (
    Ack,
    ClientHello,
    Codec,
    DecoderRestart,
    KVs,
    Message,
    Ping,
    ServerHello,
    SyncerType,
    SyncStatusMessage,
)
from typha.syncproto.parsing import MessageReader
from typha.telemetry.closing import CloseReason

# A server may put a whole cluster into one message; this is far above what any does.
LIMITS: Final = Limits(message_bytes=256 << 20, values=50_000_000)
_SHOWN: Final = 80  # characters of a text from the server in an error


class State(Enum):
    """What the session is waiting for."""

    HELLO = auto()
    STREAM = auto()
    CLOSED = auto()


class Input(Enum):
    """What can come from a server."""

    HELLO = auto()
    RESTART = auto()
    CONTENT = auto()  # keys, status, ping
    IGNORED = auto()  # what every known client takes no notice of
    OTHER = auto()


NEXT: Final = {
    (State.HELLO, Input.HELLO): State.STREAM,
    (State.STREAM, Input.RESTART): State.STREAM,
    (State.STREAM, Input.CONTENT): State.STREAM,
    (State.STREAM, Input.IGNORED): State.STREAM,
}


class ClientSession:
    """One connection to a server, opened with this hello.

    A server without node resource updates (before v3.9) is refused as clients since v3.31 do,
    unless `accept_ancient`.
    """

    __slots__ = ("_accept_ancient", "_hello", "_outgoing", "_stream", "state")

    def __init__(self, hello: ClientHello, *, accept_ancient: bool = False) -> None:
        self.state = State.HELLO
        self._hello = hello
        self._accept_ancient = accept_ancient
        self._outgoing = client_schema.hello(hello)
        self._stream = _Stream(Codec.PLAIN)

    def data_to_send(self) -> bytes:
        """Return, once, what is to be sent: the hello at first, later ACKs and pongs."""
        data, self._outgoing = self._outgoing, b""
        return data

    def receive(self, data: bytes) -> list[Message]:
        """Take bytes from the server; return the messages that they complete.

        Raises PeerError when the server broke the protocol or is not what was asked for, and
        UsageError when the session is closed already.
        """
        if self.state is State.CLOSED:
            raise UsageError("the session is closed")
        self._stream.feed(data)
        try:
            return [kept for message in self._messages() if (kept := self._take(message))]
        except PeerError:
            self.state = State.CLOSED
            raise

    def end_of_input(self) -> bool:
        """Take note that the server sends no more; return whether its last message was whole."""
        self.state = State.CLOSED
        return not self._stream.buffered

    def _messages(self) -> Iterator[Message | None]:
        """Yield what the current stream holds, and the streams that replace it on the way."""
        stream = None
        while stream is not self._stream:
            stream = self._stream
            for message in stream.messages():
                yield message
                if stream is not self._stream:
                    break

    def _take(self, message: Message | None) -> Message | None:
        """React to a message; return it if it is to be passed on."""
        happening = self._classify(message)
        after = NEXT.get((self.state, happening))
        if after is None:
            name = type(message).__name__ if message else "nothing"
            if self.state is State.HELLO:
                raise HelloError(CloseReason.NO_HELLO, f"{name} as the first message")
            raise UnexpectedMessageError(f"{name} in state {self.state.name.lower()}")
        self.state = after
        match message:
            case ServerHello():
                self._check(message)
            case DecoderRestart():
                self._restart(message.compression_algorithm)
            case Ping():
                self._outgoing += client_schema.pong(message.unix_nanoseconds)
            case _:
                pass
        return None if happening is Input.IGNORED else message

    def _classify(self, message: Message | None) -> Input:
        match message:
            case ServerHello():
                return Input.HELLO
            case DecoderRestart() if self._hello.supports_decoder_restart:
                return Input.RESTART
            case KVs() | SyncStatusMessage() | Ping():
                return Input.CONTENT
            case None | Ack() | ClientHello():
                return Input.IGNORED
            case _:
                return Input.OTHER

    def _check(self, hello: ServerHello) -> None:
        asked = self._hello.syncer_type or SyncerType.FELIX
        served = hello.syncer_type or SyncerType.FELIX
        if served != asked:
            text = f"asked for {asked!s}, the server sends {served[:_SHOWN]!r}"
            raise HelloError(CloseReason.UNKNOWN_SYNCER, text)
        if not hello.supports_node_resource_updates and not self._accept_ancient:
            text = "a server without node resource updates (before v3.9)"
            raise HelloError(CloseReason.UNEXPECTED_MESSAGE, text)

    def _restart(self, algorithm: str) -> None:
        """Put a fresh decoder in place and say so.

        Go's client does the same, and keeps the old decoder for an algorithm it does not know.
        """
        if algorithm in set(Codec):
            rest = self._stream.take_rest()
            self._stream = _Stream(Codec(algorithm))
            self._stream.feed(rest)
        self._outgoing += client_schema.ack()


class _Stream:
    """One gob stream from the server, in its framing."""

    __slots__ = ("_framing", "_reader")

    def __init__(self, codec: Codec) -> None:
        self._reader = MessageReader(LIMITS)
        self._framing = snappy.Reader() if codec is Codec.SNAPPY else None

    @property
    def buffered(self) -> int:
        return self._reader.buffered + (self._framing.buffered if self._framing else 0)

    def feed(self, data: bytes) -> None:
        (self._framing or self._reader).feed(data)

    def messages(self) -> Iterator[Message | None]:
        if self._framing is None:
            yield from self._reader.messages()
            return
        for chunk in self._framing.chunks():
            self._reader.feed(chunk)
            yield from self._reader.messages()

    def take_rest(self) -> bytes:
        """Give back what belongs to the next stream."""
        if self._framing is None:
            return self._reader.take_rest()
        if self._reader.buffered:
            # Go's client loses it: a restart has to end its chunk.
            raise UndecodableError("data behind a decoder restart in the same chunk")
        return self._framing.take_rest()
