"""Values to bytes: against Go's, and back through our own decoder."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings

from tests import recordings
from tests.typha.gob.typed_values import TypedValue, typed_values
from typha.gob import types, varint
from typha.gob.decoder import Decoder
from typha.gob.encoder import Encoder
from typha.gob.errors import EncodeError
from typha.gob.types import Builtin, Field, Interface

POINT = types.StructType("Point", (Field("X", Builtin.INT), Field("Y", Builtin.INT)))


def zero(type_id: int, definitions: dict[int, types.WireType]) -> Any:
    """Return the value that a field of this type has when it is not sent; None if always sent."""
    definition = definitions.get(type_id)
    if isinstance(definition, types.SliceType):
        return []
    builtin = {
        Builtin.BOOL: False,
        Builtin.INT: 0,
        Builtin.UINT: 0,
        Builtin.FLOAT: 0.0,
        Builtin.BYTES: b"",
        Builtin.STRING: "",
        Builtin.COMPLEX: 0j,
    }
    return builtin.get(type_id)


def without_zeros(type_id: int, value: Any, definitions: dict[int, types.WireType]) -> Any:
    """Return a value as it arrives: without the fields that gob leaves out."""
    match definitions.get(type_id):
        case types.StructType(fields=fields):
            return {
                name: without_zeros(field_type, value[name], definitions)
                for name, field_type in fields
                if value[name] is not None and value[name] != zero(field_type, definitions)
            }
        case types.SliceType(element=element) | types.ArrayType(element=element):
            return [without_zeros(element, item, definitions) for item in value]
        case types.MapType(key=key, element=element):
            return [
                (without_zeros(key, k, definitions), without_zeros(element, v, definitions))
                for k, v in value
            ]
    if isinstance(value, Interface):
        return value._replace(value=without_zeros(value.type_id, value.value, definitions))
    return value


def stream(typed: TypedValue) -> bytes:
    """Return a whole gob stream: the definitions, then the value."""
    encoder = Encoder(typed.definitions)
    definitions = b"".join(map(encoder.definition, typed.definitions))
    return definitions + encoder.message(typed.type_id, typed.value)


@given(typed_values())
@settings(deadline=None)
def test_every_value_comes_back_without_its_zero_fields(typed: TypedValue) -> None:
    """Encoder and decoder agree on every kind, nested at will."""
    decoder = Decoder()
    decoder.feed(stream(typed))
    expected = without_zeros(typed.type_id, typed.value, typed.definitions)
    assert list(decoder.values()) == [expected]
    assert decoder.buffered == 0


@pytest.mark.golden
@pytest.mark.parametrize(
    "vector",
    [*recordings.gob_vectors()["messages"], *recordings.gob_vectors()["general"]],
    ids=lambda vector: vector["name"][:40],
)
def test_a_value_of_go_is_encoded_to_go_s_bytes(vector: dict[str, Any]) -> None:
    """Decoded from the first encoding and encoded again, it is Go's second encoding."""
    decoder = Decoder()
    decoder.feed(base64.b64decode(vector["fresh_b64"]))
    (value,) = decoder.values()
    again = base64.b64decode(vector["again_b64"])
    _, start = varint.decode_uint(again, 0)
    type_id, _ = varint.decode_int(again, start)
    definitions = decoder.known.definitions  # under the ids that Go chose
    assert Encoder(definitions).message(type_id, value) == again


@pytest.mark.parametrize(
    ("type_id", "value"),
    [
        (Builtin.UINT, -1),
        (Builtin.INT, "1"),
        (Builtin.STRING, b"bytes"),
        (Builtin.STRING, "\ud800"),
        (Builtin.FLOAT, "1"),
        (Builtin.COMPLEX, None),
        (Builtin.INTERFACE, 7),
        (64, [1, 2]),
        (65, [1, 2]),
        (66, "no list"),
        (67, [1]),
        (68, {}),
    ],
)
def test_a_value_of_another_shape_is_refused(type_id: int, value: object) -> None:
    """With an EncodeError, whatever the shape."""
    definitions = {
        64: POINT,
        65: types.ArrayType("[3]int", Builtin.INT, 3),
        66: types.SliceType("[]uint", Builtin.UINT),
        67: types.MapType("map", Builtin.INT, Builtin.INT),
    }
    with pytest.raises(EncodeError):
        Encoder(definitions).payload(type_id, value)
