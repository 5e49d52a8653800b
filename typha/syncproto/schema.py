"""The server's messages as ready bytes, under type ids of our own choosing.

`PREAMBLE` defines every type once and opens each gob stream; no message after it holds a
definition, so every message is the same bytes for all clients, whenever they joined.  An element
(one update of MsgKVs) depends on nothing around it: it is encoded once, kept, and joined at will.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from typha.gob import types, varint
from typha.gob.encoder import Encoder
from typha.gob.errors import DecodeError
from typha.gob.types import Builtin, Field, Interface
from typha.syncproto import timestamps
from typha.syncproto.errors import CorruptElementsError
from typha.syncproto.messages import Codec, SyncerType, UpdateType

REGISTERED_PREFIX: Final = "github.com/projectcalico/typha/pkg/syncproto."  # fixed for ever

ENVELOPE: Final = 65
SERVER_HELLO, DECODER_RESTART, SYNC_STATUS, PING, TIME, KVS, UPDATES, UPDATE = range(66, 74)

DEFINITIONS: Final[dict[int, types.WireType]] = {
    ENVELOPE: types.StructType("Envelope", (Field("Message", Builtin.INTERFACE),)),
    SERVER_HELLO: types.StructType(
        "MsgServerHello",
        (
            Field("Version", Builtin.STRING),
            Field("SyncerType", Builtin.STRING),
            Field("SupportsNodeResourceUpdates", Builtin.BOOL),
            Field("ServerConnID", Builtin.UINT),
        ),
    ),
    DECODER_RESTART: types.StructType(
        "MsgDecoderRestart",
        (Field("Message", Builtin.STRING), Field("CompressionAlgorithm", Builtin.STRING)),
    ),
    SYNC_STATUS: types.StructType("MsgSyncStatus", (Field("SyncStatus", Builtin.UINT),)),
    PING: types.StructType("MsgPing", (Field("Timestamp", TIME),)),
    TIME: types.OpaqueType("Time"),
    KVS: types.StructType("MsgKVs", (Field("KVs", UPDATES),)),
    UPDATES: types.SliceType("[]syncproto.SerializedUpdate", UPDATE),
    UPDATE: types.StructType(
        "SerializedUpdate",
        (
            Field("Key", Builtin.STRING),
            Field("Value", Builtin.BYTES),
            Field("Revision", Builtin.INTERFACE),
            Field("V3ResourceVersion", Builtin.STRING),
            Field("TTL", Builtin.INT),
            Field("UpdateType", Builtin.UINT),
        ),
    ),
}
_ENCODER: Final = Encoder(DEFINITIONS)
PREAMBLE: Final = b"".join(map(_ENCODER.definition, DEFINITIONS))

_NEXT: Final = b"\x01"  # the number of a field that directly follows the one before it


def _message(type_id: int, fields: Mapping[str, object]) -> bytes:
    name = REGISTERED_PREFIX + DEFINITIONS[type_id].name
    return _ENCODER.message(ENVELOPE, {"Message": Interface(name, type_id, fields)})


def _head(type_id: int) -> bytes:
    """Encode how the message of a type begins, up to the size of its fields."""
    name = (REGISTERED_PREFIX + DEFINITIONS[type_id].name).encode()
    size = varint.encode_uint(len(name))
    return b"".join((varint.encode_int(ENVELOPE), _NEXT, size, name, varint.encode_int(type_id)))


def server_hello(version: str, syncer: SyncerType, connection_id: int) -> bytes:
    """Encode the answer to a hello; every server since v3.9 supports node resource updates."""
    head, fields = _server_hello(version, syncer)
    if connection_id:  # the last field, and the only one in which answers differ
        fields += _NEXT + varint.encode_uint(connection_id)
    whole = b"".join((head, varint.encode_uint(len(fields) + 1), fields, b"\0\0"))
    return varint.encode_uint(len(whole)) + whole


@lru_cache(maxsize=len(SyncerType))
def _server_hello(version: str, syncer: SyncerType) -> tuple[bytes, bytes]:
    """Encode the head of the answer, and its fields before the id."""
    fields = {"Version": version, "SyncerType": syncer.value, "SupportsNodeResourceUpdates": True}
    return _head(SERVER_HELLO), _ENCODER.payload(SERVER_HELLO, fields).removesuffix(b"\0")


@lru_cache(maxsize=len(Codec))
def decoder_restart(text: str, codec: Codec) -> bytes:
    """Encode the end of a gob stream; `text` is for the client's log only."""
    return _message(DECODER_RESTART, {"Message": text, "CompressionAlgorithm": codec.value})


def status(status: int) -> bytes:
    """Encode how complete the stream is."""
    return _message(SYNC_STATUS, {"SyncStatus": status})


def ping(unix_nanoseconds: int) -> bytes:
    """Encode a ping sent at this time."""
    return _message(PING, {"Timestamp": timestamps.encode(unix_nanoseconds)})


_KVS_HEAD: Final = _head(KVS)


def kvs(elements: Sequence[bytes]) -> bytes:
    """Encode a whole MsgKVs of these elements."""
    return b"".join((_kvs_start(sum(map(len, elements)), len(elements)), *elements, b"\0\0"))


def _kvs_start(size: int, count: int) -> bytes:
    """Encode what comes before `size` bytes of elements; two zeros behind them end the structs."""
    head = b"\x01" + varint.encode_uint(count) if count else b""
    inner = varint.encode_uint(len(head) + size + 1)
    whole = varint.encode_uint(len(_KVS_HEAD) + len(inner) + len(head) + size + 2)
    return b"".join((whole, _KVS_HEAD, inner, head))


# ---- Elements.  What the tables do not cover goes through the general encoder.

_KEY, _REVISION, _V3_RESOURCE_VERSION = 0, 2, 3  # numbers of fields
_ONE_BYTE: Final = 0x80  # below it a number is a single byte
_TABLE: Final = 2048
_SIZES: Final = tuple(_NEXT + varint.encode_uint(size) for size in range(_TABLE))
# The revision is text in an interface: name and id of its type, size of the rest, zero, text.
_STRING: Final = b"\x06string" + varint.encode_int(Builtin.STRING)
_REVISIONS: Final = tuple(_STRING + bytes((size + 2, 0, size)) for size in range(126))
# The update type comes last, so many fields on; then the struct ends.
_TYPE_AFTER_REVISION: Final = tuple(bytes((3, update_type, 0)) for update_type in range(128))
_TYPE_AFTER_VERSION: Final = tuple(bytes((2, update_type, 0)) for update_type in range(128))


def element_head(key: str, value: bytes | None) -> bytes:
    """Encode how every element begins that has this key and value, whatever follows.

    True of elements with a key and a revision, as all of ours are; an element starts with this if
    and only if it has this key and value.
    """
    name = key.encode()
    size = _SIZES[len(name)] if len(name) < _TABLE else _NEXT + varint.encode_uint(len(name))
    if not value:
        return b"".join((size, name, b"\x02"))  # the revision is the next but one
    length = len(value)
    value_size = _SIZES[length] if length < _TABLE else _NEXT + varint.encode_uint(length)
    return b"".join((size, name, value_size, value, _NEXT))


def element(  # noqa: PLR0913 - the six fields of an update, in their order
    key: str,
    value: bytes | None,
    revision: str | None,
    v3_resource_version: str,
    update_type: int,
    *,
    ttl: int = 0,
    head: bytes = b"",
) -> bytes:
    """Encode one update; `ttl` is in nanoseconds, `head` its `element_head` if that is at hand.

    An empty value is as good as none.  Raises EncodeError for what cannot be encoded.
    """
    if key and revision and update_type and not ttl:
        try:
            text = revision.encode()
            revision_size = _REVISIONS[len(text)]
            head = head or element_head(key, value)
            if not v3_resource_version:
                return b"".join((head, revision_size, text, _TYPE_AFTER_REVISION[update_type]))
            version = v3_resource_version.encode()
            tail = (_SIZES[len(version)], version, _TYPE_AFTER_VERSION[update_type])
            return b"".join((head, revision_size, text, *tail))
        except (IndexError, UnicodeEncodeError):
            pass  # beyond the tables
    fields = {
        "Key": key,
        "Value": value,
        "Revision": None if revision is None else Interface("string", Builtin.STRING, revision),
        "V3ResourceVersion": v3_resource_version,
        "TTL": ttl,
        "UpdateType": update_type,
    }
    return _ENCODER.payload(UPDATE, fields)


def with_update_type(element_of_type_new: bytes, update_type: UpdateType) -> bytes:
    """Return the same element with another type (but UNKNOWN, which would not be sent)."""
    return element_of_type_new[:-2] + bytes((update_type, 0))


class Scanned(NamedTuple):
    """One element found in a run of them."""

    key: str
    element: bytes
    has_value: bool


def scan(elements: bytes) -> Iterator[Scanned]:
    """Find the elements in a run that `element` made; raise CorruptElementsError where it cannot.

    Only the shape is checked: it finds damage that moves a border, not a changed letter.
    """
    start = 0
    try:
        while start < len(elements):
            size, offset = varint.decode_uint(elements, start + 1)
            end_of_key = offset + size
            end = _end_of_element(elements, end_of_key)
            if elements[start] != 1 or end > len(elements):
                raise CorruptElementsError(f"no element at byte {start} of {len(elements)}")
            key = elements[offset:end_of_key].decode()
            yield Scanned(key, elements[start:end], elements[end_of_key] == 1)
            start = end
    except (IndexError, UnicodeDecodeError, DecodeError) as error:
        raise CorruptElementsError(f"no element at byte {start} of {len(elements)}") from error


def _end_of_element(data: bytes, offset: int) -> int:
    """Return where the element ends whose key ends at `offset`."""
    field = _KEY
    while delta := data[offset]:
        field += delta
        offset += 1
        if field == _REVISION:
            if not data.startswith(_STRING, offset):
                raise DecodeError("a revision that is no text")
            offset += len(_STRING)
        number = data[offset]
        offset += 1
        if number >= _ONE_BYTE:
            number, offset = varint.decode_uint(data, offset - 1)
        if field <= _V3_RESOURCE_VERSION:
            offset += number
    return offset + 1
