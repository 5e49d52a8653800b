"""Decoded gob values to messages, for whichever side receives them.  Knows no state.

As Go's decoder does: fields are matched by name, unknown ones are ignored, missing ones are zero,
a field of another kind is an error.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from typha.gob.decoder import Decoder
from typha.gob.errors import DecodeError, LimitError
from typha.gob.shape import Shape
from typha.gob.types import Interface
from typha.gob.values import DEFAULT_LIMITS, Known, Limits
from typha.gob.varint import MAX_UINT
from typha.syncproto import timestamps
from typha.syncproto.errors import MessageTooLargeError, UndecodableError, UnexpectedMessageError
from typha.syncproto.messages import (
    ZERO_TIME,
    Ack,
    ClientHello,
    DecoderRestart,
    KVs,
    Message,
    Ping,
    Pong,
    SerializedUpdate,
    ServerHello,
    SyncStatusMessage,
)
from typha.syncproto.schema import REGISTERED_PREFIX

T = TypeVar("T")
_LARGEST_BYTE: Final = 255
_SHOWN_NAME: Final = 80


class _Routine:
    """How the messages look that clients send again and again, where the same types are known."""

    __slots__ = ("ack", "pong")

    def __init__(self) -> None:
        self.ack: Shape | None = None
        self.pong: Shape | None = None


_ROUTINES: Final[WeakKeyDictionary[Known, _Routine]] = WeakKeyDictionary()


class MessageReader:
    """One gob stream of messages.  After a PeerError nothing more can be read from it."""

    __slots__ = ("_decoder", "_routine")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._decoder = Decoder(limits)
        self._routine: _Routine | None = None  # of the types that are known

    @property
    def buffered(self) -> int:
        """How many bytes have been fed that belong to no returned message."""
        return self._decoder.buffered

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._decoder.feed(data)

    def routine(self, data: bytes) -> Ack | Pong | None:
        """Return the message that these bytes are, if they are one like an earlier one, no more.

        Otherwise, they are to be fed.  Nearly all that clients send looks as it did before, from
        them or from others that define the same types.  Raises PeerError as `messages` does.
        """
        routine = self._routine
        if routine is None or not self._decoder.is_between_values:
            return None
        if routine.pong is not None and (found := routine.pong.values_in(data)) is not None:
            return Pong(ping_unix_nanoseconds=timestamps.decode(*found))
        if routine.ack is not None and routine.ack.values_in(data) is not None:
            return Ack()
        return None

    def take_rest(self) -> bytes:
        """Give back what was fed and not used, for whatever replaces this stream."""
        return self._decoder.take_rest()

    def messages(self) -> Iterator[Message | None]:
        """Yield every message that is complete, None for an envelope without one."""
        try:
            for value in self._decoder.values():
                message = message_from(value)
                self._learn(message, value)
                yield message
        except LimitError as error:
            raise MessageTooLargeError(str(error)) from error
        except DecodeError as error:
            raise UndecodableError(str(error)) from error

    def _learn(self, message: Message | None, value: Any) -> None:
        """Remember how an ACK looks, and a pong if all it says is the ping's time, as it should.

        A message that defines types has no shape, and does not come again.
        """
        decoder = self._decoder
        routine = _ROUTINES.get(decoder.known)
        if routine is None:
            routine = _ROUTINES[decoder.known] = _Routine()
        self._routine = routine
        if isinstance(message, Ack) and routine.ack is None and not decoder.opaque:
            routine.ack = decoder.shape()
        elif isinstance(message, Pong) and routine.pong is None:
            fields, opaque = value["Message"].value, decoder.opaque
            time = fields.get("PingTimestamp")
            if time and len(fields) == len(opaque) == 1 and opaque[0] is time:
                routine.pong = decoder.shape()


def message_from(envelope: Any) -> Message | None:
    """Return the message in a decoded envelope; raise PeerError where it is none of ours."""
    content = _struct(envelope).get("Message")
    if content is None:
        return None
    if not isinstance(content, Interface):
        raise UndecodableError("an envelope whose message is no interface")
    name = content.name.removeprefix(REGISTERED_PREFIX)
    build = _BUILDERS.get(name)
    if build is None or content.name == name:
        raise UnexpectedMessageError(f"no message is called {content.name[:_SHOWN_NAME]!r}")
    return build(_struct(content.value))


def _struct(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UndecodableError("a message that is no struct")
    return value


def _field(fields: dict[str, Any], name: str, zero: T) -> T:
    """Return a field, or `zero` when it was not sent; both must be of one type."""
    value = fields.get(name, zero)
    if type(value) is not type(zero):
        raise UndecodableError(f"field {name} is a {type(value).__name__}")
    return value


def _uint(fields: dict[str, Any], name: str, largest: int = MAX_UINT) -> int:
    value = _field(fields, name, 0)
    if not 0 <= value <= largest:
        raise UndecodableError(f"field {name} is {value}")
    return value


def _flag(fields: dict[str, Any], name: str) -> bool:
    return _field(fields, name, zero=False)


def _list(fields: dict[str, Any], name: str) -> list[Any]:
    nothing: list[Any] = []
    return _field(fields, name, nothing)


def _time(fields: dict[str, Any], name: str) -> int:
    data = _field(fields, name, b"")
    return timestamps.decode(data) if data else ZERO_TIME


def _client_hello(fields: dict[str, Any]) -> ClientHello:
    algorithms = _list(fields, "SupportedCompressionAlgorithms")
    if not all(isinstance(algorithm, str) for algorithm in algorithms):
        raise UndecodableError("a compression algorithm that is no text")
    return ClientHello(
        hostname=_field(fields, "Hostname", ""),
        info=_field(fields, "Info", ""),
        version=_field(fields, "Version", ""),
        syncer_type=_field(fields, "SyncerType", ""),
        supports_decoder_restart=_flag(fields, "SupportsDecoderRestart"),
        compression_algorithms=tuple(algorithms),
        supports_modern_policy_keys=_flag(fields, "SupportsModernPolicyKeys"),
        connection_id=_uint(fields, "ClientConnID"),
    )


def _server_hello(fields: dict[str, Any]) -> ServerHello:
    return ServerHello(
        version=_field(fields, "Version", ""),
        syncer_type=_field(fields, "SyncerType", ""),
        supports_node_resource_updates=_flag(fields, "SupportsNodeResourceUpdates"),
        connection_id=_uint(fields, "ServerConnID"),
    )


def _decoder_restart(fields: dict[str, Any]) -> DecoderRestart:
    return DecoderRestart(
        message=_field(fields, "Message", ""),
        compression_algorithm=_field(fields, "CompressionAlgorithm", ""),
    )


def _pong(fields: dict[str, Any]) -> Pong:
    return Pong(
        ping_unix_nanoseconds=_time(fields, "PingTimestamp"),
        pong_unix_nanoseconds=_time(fields, "PongTimestamp"),
    )


def _kvs(fields: dict[str, Any]) -> KVs:
    return KVs(updates=tuple(_update(_struct(item)) for item in _list(fields, "KVs")))


def _update(fields: dict[str, Any]) -> SerializedUpdate:
    return SerializedUpdate(
        key=_field(fields, "Key", ""),
        value=_field(fields, "Value", b"") or None,
        revision=_revision(fields.get("Revision")),
        v3_resource_version=_field(fields, "V3ResourceVersion", ""),
        ttl_nanoseconds=_field(fields, "TTL", 0),
        update_type=_uint(fields, "UpdateType", _LARGEST_BYTE),
    )


def _revision(content: Any) -> str | None:
    """Return a revision as text; servers send text, the protocol allows any basic type."""
    if content is None:
        return None
    if not isinstance(content, Interface):
        raise UndecodableError(f"field Revision is a {type(content).__name__}")
    return _as_go_prints(content.value)


def _as_go_prints(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes | list):
        return f"[{' '.join(map(_as_go_prints, value))}]"
    return f"{value}"


_BUILDERS: Final[dict[str, Callable[[dict[str, Any]], Message]]] = {
    "MsgClientHello": _client_hello,
    "MsgServerHello": _server_hello,
    "MsgDecoderRestart": _decoder_restart,
    "MsgACK": lambda _: Ack(),
    "MsgSyncStatus": lambda fields: SyncStatusMessage(
        status=_uint(fields, "SyncStatus", _LARGEST_BYTE)
    ),
    "MsgPing": lambda fields: Ping(unix_nanoseconds=_time(fields, "Timestamp")),
    "MsgPong": _pong,
    "MsgKVs": _kvs,
}
