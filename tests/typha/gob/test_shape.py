"""Messages told by their bytes: never otherwise than the decoder would have."""

import pytest
from hypothesis import given, strategies as st

from tests.typha.gob.typed_values import TypedValue, typed_values
from typha.gob import types
from typha.gob.decoder import SHAPED_BYTES, Decoder
from typha.gob.encoder import Encoder
from typha.gob.types import Builtin, Field

BLOB = types.OpaqueType("Blob")
PAIR = types.StructType("Pair", (Field("A", 70), Field("N", Builtin.UINT), Field("B", 70)))
ENCODER = Encoder({70: BLOB, 71: PAIR})
DEFINITIONS = b"".join(map(ENCODER.definition, (70, 71)))


def decoded(data: bytes) -> Decoder:
    """Return a decoder that has read these definitions and values."""
    decoder = Decoder()
    decoder.feed(DEFINITIONS + data)
    list(decoder.values())
    return decoder


def pair(a: bytes, n: int, b: bytes) -> bytes:
    """Return the message of a pair."""
    return ENCODER.message(71, {"A": a, "N": n, "B": b})


def test_a_message_is_known_by_all_but_its_opaque_values() -> None:
    """Which are given in their order."""
    shape = decoded(pair(b"ab", 7, b"cde")).shape()
    assert shape is not None
    assert shape.values_in(pair(b"\n.", 7, b"\xff\0)")) == (b"\n.", b"\xff\0)")
    assert shape.values_in(pair(b"ab", 8, b"cde")) is None
    assert shape.values_in(pair(b"abc", 7, b"de")) is None
    assert shape.values_in(pair(b"ab", 7, b"cde") + b"\0") is None
    assert shape.values_in(pair(b"ab", 7, b"cde")[:-1]) is None


def test_a_shape_holds_for_all_streams_that_know_the_same_types() -> None:
    """They share what they know until one of them defines something else."""
    one, other = decoded(pair(b"ab", 7, b"cde")), decoded(b"")
    assert one.known is other.known
    other.feed(Encoder({80: BLOB}).definition(80))
    list(other.values())
    assert one.known is not other.known
    assert 80 not in one.known.definitions


@pytest.mark.parametrize(
    "data",
    [
        b"",  # nothing but definitions
        pair(bytes(SHAPED_BYTES), 7, b""),
        Encoder({70: BLOB, 71: PAIR, 80: BLOB}).definition(80),
    ],
)
def test_what_another_message_would_not_repeat_has_no_shape(data: bytes) -> None:
    """Definitions may come once, and long messages are no routine."""
    assert decoded(data).shape() is None


def test_a_value_that_waits_for_more_is_not_between_values() -> None:
    """Neither is one whose bytes have not all come."""
    decoder = decoded(pair(b"ab", 7, b"cde"))
    assert decoder.is_between_values
    decoder.feed(pair(b"ab", 7, b"cde")[:-1])
    assert list(decoder.values()) == []
    assert not decoder.is_between_values


@given(typed_values(), st.data())
def test_a_shape_agrees_with_the_decoder(typed: TypedValue, data: st.DataObject) -> None:
    """Whatever byte is another: what the shape takes the decoder takes, with these values."""
    encoder = Encoder(typed.definitions)
    decoder = Decoder()
    decoder.feed(b"".join(map(encoder.definition, typed.definitions)))
    message = encoder.message(typed.type_id, typed.value)
    decoder.feed(message)
    list(decoder.values())
    opaque = decoder.opaque
    shape = decoder.shape()
    if shape is None:
        assert len(message) > SHAPED_BYTES
        return
    assert shape.values_in(message) == tuple(opaque)
    changed = bytearray(message)
    changed[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    found = shape.values_in(bytes(changed))
    decoder.feed(bytes(changed))
    if found is not None:
        assert len(list(decoder.values())) == 1
        assert tuple(decoder.opaque) == found
