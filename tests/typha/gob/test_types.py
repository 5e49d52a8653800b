"""Type definitions as the values that stand for them on the wire."""

import pytest
from hypothesis import given

from tests.typha.gob.typed_values import TypedValue, typed_values
from typha.gob import types
from typha.gob.encoder import Encoder
from typha.gob.errors import DecodeError


@given(typed_values())
def test_every_definition_survives_its_description(typed: TypedValue) -> None:
    """All five kinds of types."""
    for type_id, definition in typed.definitions.items():
        assert types.from_wire(types.to_wire(type_id, definition)) == definition


@pytest.mark.parametrize("value", [{}, {"StructT": {}, "MapT": {}}])
def test_a_definition_is_of_exactly_one_kind(value: dict[str, dict[str, int]]) -> None:
    """None and two are errors of the sender."""
    with pytest.raises(DecodeError):
        types.from_wire(value)


@pytest.mark.parametrize(
    ("definition", "encoded"),
    [
        (
            types.StructType("Envelope", (types.Field("Message", types.Builtin.INTERFACE),)),
            "22ff8103010108456e76656c6f706501ff8200010101074d6573736167650110000000",
        ),
        (types.OpaqueType("Time"), "10ff810501010454696d6501ff82000000"),
        (types.StructType("MsgACK"), "12ff81030101064d736741434b01ff82000000"),
    ],
)
def test_definitions_have_the_bytes_of_the_worked_examples(
    definition: types.WireType, encoded: str
) -> None:
    """A struct, an opaque type, a struct without fields."""
    assert Encoder({65: definition}).definition(65).hex() == encoded
