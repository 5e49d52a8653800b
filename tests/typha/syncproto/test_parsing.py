"""Decoded values to messages: names count, kinds count, nothing else does."""

from typing import Any

import pytest

from typha.gob import types
from typha.gob.encoder import Encoder
from typha.gob.types import Builtin, Field, Interface
from typha.gob.values import Limits
from typha.syncproto import schema
from typha.syncproto.errors import (
    MessageTooLargeError,
    UndecodableError,
    UnexpectedMessageError,
)
from typha.syncproto.messages import (
    ZERO_TIME,
    ClientHello,
    KVs,
    Ping,
    SerializedUpdate,
    SyncStatusMessage,
)
from typha.syncproto.parsing import MessageReader, message_from


def envelope(name: str, value: Any) -> dict[str, Any]:
    """Return a decoded envelope with a message in it."""
    return {"Message": Interface(schema.REGISTERED_PREFIX + name, 70, value)}


def test_an_envelope_may_be_empty() -> None:
    """Go sends nil so; what it means is the session's affair."""
    assert message_from({}) is None
    assert message_from({"Message": None}) is None


def test_missing_fields_are_zero_and_unknown_ones_ignored() -> None:
    """Which is how clients and servers of different ages understand each other."""
    fields = {"Version": "v9", "Quantum": {"A": [1]}, "Zstd": True}
    assert message_from(envelope("MsgClientHello", fields)) == ClientHello(version="v9")
    assert message_from(envelope("MsgPing", {})) == Ping(unix_nanoseconds=ZERO_TIME)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("MsgClientHello", {"Hostname": 7}),
        ("MsgClientHello", {"Hostname": b"bytes"}),
        ("MsgClientHello", {"SupportsDecoderRestart": 1}),
        ("MsgClientHello", {"SupportedCompressionAlgorithms": "snappy"}),
        ("MsgClientHello", {"SupportedCompressionAlgorithms": [b"snappy"]}),
        ("MsgClientHello", {"ClientConnID": -1}),
        ("MsgClientHello", {"ClientConnID": True}),
        ("MsgPong", {"PingTimestamp": "now"}),
        ("MsgPong", {"PingTimestamp": b"\x09"}),
        ("MsgSyncStatus", {"SyncStatus": 256}),
        ("MsgKVs", {"KVs": [{"UpdateType": 256}]}),
        ("MsgKVs", {"KVs": [{"Revision": "12"}]}),
        ("MsgKVs", {"KVs": ["/key"]}),
        ("MsgKVs", {"KVs": {"Key": "/key"}}),
        ("MsgKVs", [{"Key": "/key"}]),
    ],
)
def test_a_field_of_another_kind_is_refused(name: str, fields: object) -> None:
    """As Go's decoder does, which matches kinds exactly."""
    with pytest.raises(UndecodableError):
        message_from(envelope(name, fields))


@pytest.mark.parametrize("value", [7, "text", [], {"Message": "text"}, {"Message": {"A": 1}}])
def test_what_is_no_envelope_is_refused(value: object) -> None:
    """Any gob value can come in a stream."""
    with pytest.raises(UndecodableError):
        message_from(value)


@pytest.mark.parametrize(
    "name",
    ["string", "MsgPing", "github.com/projectcalico/typha/pkg/syncproto.MsgFuture", "x" * 1000],
)
def test_unknown_names_are_refused(name: str) -> None:
    """The prefix belongs to the name; the error shows no more of it than fits a log line."""
    with pytest.raises(UnexpectedMessageError) as caught:
        message_from({"Message": Interface(name, 70, {})})
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("revision", "text"),
    [
        (None, None),
        (Interface("string", 6, ""), ""),
        (Interface("string", 6, "12"), "12"),
        (Interface("int64", 2, -7), "-7"),
        (Interface("bool", 1, value=True), "true"),
        (Interface("[]uint8", 5, b"\x01\x02"), "[1 2]"),
        (Interface("[]string", 64, ["a", "b"]), "[a b]"),
    ],
)
def test_revisions_are_shown_as_go_prints_them(
    revision: Interface | None, text: str | None
) -> None:
    """Servers send text; the protocol would allow any basic type."""
    kvs = message_from(envelope("MsgKVs", {"KVs": [{"Key": "/k", "Revision": revision}]}))
    assert kvs == KVs(updates=(SerializedUpdate(key="/k", revision=text),))


def test_an_explicit_empty_value_is_none() -> None:
    """Whether or not the sender left it out."""
    kvs = message_from(envelope("MsgKVs", {"KVs": [{"Key": "/k", "Value": b""}]}))
    assert kvs == KVs(updates=(SerializedUpdate(key="/k", value=None),))


def test_errors_of_gob_become_errors_of_the_peer() -> None:
    """Told apart: nonsense, and too much."""
    reader = MessageReader()
    reader.feed(b"\x02\x80\x80")
    with pytest.raises(UndecodableError):
        list(reader.messages())
    reader = MessageReader(Limits(message_bytes=100))
    reader.feed(b"\x65")
    with pytest.raises(MessageTooLargeError):
        list(reader.messages())


def test_fields_are_found_by_name_not_by_number() -> None:
    """A sender may have them in another order, with others in between."""
    definitions: dict[int, types.WireType] = {
        100: types.StructType("", (Field("Other", Builtin.UINT), Field("Message", 8))),
        101: types.StructType("", (Field("X", Builtin.FLOAT), Field("SyncStatus", Builtin.UINT))),
    }
    encoder = Encoder(definitions)
    content = Interface(
        schema.REGISTERED_PREFIX + "MsgSyncStatus", 101, {"X": 1.5, "SyncStatus": 2}
    )
    reader = MessageReader()
    reader.feed(b"".join(map(encoder.definition, definitions)))
    reader.feed(encoder.message(100, {"Other": 9, "Message": content}))
    (message,) = reader.messages()
    assert message == SyncStatusMessage(status=2)
