"""The client's messages as ready bytes, under type ids of our own choosing.

The first message of a connection is the hello, which brings all definitions along.
"""

from collections.abc import Mapping
from typing import Final

from typha.gob import types
from typha.gob.encoder import Encoder
from typha.gob.types import Builtin, Field, Interface
from typha.syncproto import timestamps
from typha.syncproto.messages import ZERO_TIME, ClientHello
from typha.syncproto.schema import REGISTERED_PREFIX

ENVELOPE: Final = 65
CLIENT_HELLO, ALGORITHMS, ACK, PONG, TIME = range(66, 71)

DEFINITIONS: Final[dict[int, types.WireType]] = {
    ENVELOPE: types.StructType("Envelope", (Field("Message", Builtin.INTERFACE),)),
    CLIENT_HELLO: types.StructType(
        "MsgClientHello",
        (
            Field("Hostname", Builtin.STRING),
            Field("Info", Builtin.STRING),
            Field("Version", Builtin.STRING),
            Field("SyncerType", Builtin.STRING),
            Field("SupportsDecoderRestart", Builtin.BOOL),
            Field("SupportedCompressionAlgorithms", ALGORITHMS),
            Field("SupportsModernPolicyKeys", Builtin.BOOL),
            Field("ClientConnID", Builtin.UINT),
        ),
    ),
    ALGORITHMS: types.SliceType("[]syncproto.CompressionAlgorithm", Builtin.STRING),
    ACK: types.StructType("MsgACK"),
    PONG: types.StructType(
        "MsgPong",
        (Field("PingTimestamp", TIME), Field("PongTimestamp", TIME)),
    ),
    TIME: types.OpaqueType("Time"),
}
_ENCODER: Final = Encoder(DEFINITIONS)
PREAMBLE: Final = b"".join(map(_ENCODER.definition, DEFINITIONS))


def hello(message: ClientHello) -> bytes:
    """Encode the opening of a connection: all definitions, then the hello."""
    fields = {
        "Hostname": message.hostname,
        "Info": message.info,
        "Version": message.version,
        "SyncerType": message.syncer_type,
        "SupportsDecoderRestart": message.supports_decoder_restart,
        "SupportedCompressionAlgorithms": message.compression_algorithms,
        "SupportsModernPolicyKeys": message.supports_modern_policy_keys,
        "ClientConnID": message.connection_id,
    }
    return PREAMBLE + _message(CLIENT_HELLO, fields)


def ack() -> bytes:
    """Encode that a fresh decoder is in place."""
    return _message(ACK, {})


def pong(ping_unix_nanoseconds: int) -> bytes:
    """Encode the answer to a ping of this time; a zero time is not sent."""
    if ping_unix_nanoseconds == ZERO_TIME:
        return _message(PONG, {})
    return _message(PONG, {"PingTimestamp": timestamps.encode(ping_unix_nanoseconds)})


def _message(type_id: int, fields: Mapping[str, object]) -> bytes:
    name = REGISTERED_PREFIX + DEFINITIONS[type_id].name
    return _ENCODER.message(ENVELOPE, {"Message": Interface(name, type_id, fields)})
