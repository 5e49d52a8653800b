"""Protocol buffers' wire format."""

import pytest
from hypothesis import given, settings, strategies as st

from typha.datastore.etcd import protobuf

NUMBERS = st.integers(1, 200)
INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
BODIES = st.binary(min_size=1, max_size=300)

quick = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (150, "9601"),
        (300, "ac02"),
        (-1, "ffffffffffffffffff01"),
        ((1 << 64) - 1, "ffffffffffffffffff01"),
    ],
)
def test_numbers_are_written_as_the_protobuf_guide_shows(value: int, encoded: str) -> None:
    """Seven bits a byte, lowest first; int64 -1 takes ten bytes."""
    assert protobuf.varint(value).hex() == encoded


def test_fields_are_written_as_the_protobuf_guide_shows() -> None:
    """The guide's own examples: 150 in field 1, "testing" in field 2, the first inside field 3."""
    assert protobuf.field(1, 150).hex() == "089601"
    assert protobuf.field(2, b"testing").hex() == "120774657374696e67"
    assert protobuf.message(3, protobuf.field(1, 150)).hex() == "1a03089601"


def test_what_is_zero_is_not_written() -> None:
    """Zero values stand for themselves; an embedded message is there even when it is empty."""
    assert protobuf.field(1, 0) == b""
    assert protobuf.field(1, b"") == b""
    assert protobuf.message(3, b"") == b"\x1a\x00"


@quick
@given(st.dictionaries(NUMBERS, INT64), st.dictionaries(st.integers(201, 400), BODIES))
def test_what_was_written_is_read(numbers: dict[int, int], bodies: dict[int, bytes]) -> None:
    """Numbers come back with their sign, bodies byte for byte; zeros are as if unset."""
    data = b"".join(protobuf.field(*each) for each in [*numbers.items(), *bodies.items()])
    message = protobuf.parse(data)
    assert {number: message.signed(number) for number in numbers} == numbers
    assert message.bodies == bodies
    assert message.repeated == []


@quick
@given(st.lists(st.binary(max_size=50)), BODIES)
def test_every_occurrence_of_the_repeated_field_is_kept(many: list[bytes], one: bytes) -> None:
    """Empty ones too, and in order; other fields stay apart."""
    data = b"".join(protobuf.message(2, body) for body in many) + protobuf.field(1, one)
    message = protobuf.parse(data, repeated=2)
    assert message.repeated == many
    assert message.bodies == {1: one}


@quick
@given(st.integers(min_value=1, max_value=300))
def test_of_a_field_given_twice_the_last_counts(first: int) -> None:
    """As protobuf demands of scalars."""
    assert protobuf.parse(protobuf.field(1, first) + protobuf.field(1, 7)).numbers == {1: 7}


def test_fixed_width_fields_are_stepped_over() -> None:
    """Etcd has none; a later version's would be unknown fields."""
    data = b"\x09" + b"x" * 8 + b"\x15" + b"y" * 4 + protobuf.field(3, 5)
    assert protobuf.parse(data) == protobuf.Message({3: 5}, {}, [])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x08", id="a number that is missing"),
        pytest.param(b"\x08\x80", id="a number that goes on"),
        pytest.param(b"\x08" + b"\x80" * 10 + b"\x01", id="a number of more than ten bytes"),
        pytest.param(b"\x12\x05abc", id="a body that is too short"),
        pytest.param(b"\x09abc", id="a fixed value that is too short"),
        pytest.param(b"\x0b", id="a group, which no message has"),
    ],
)
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    """With the one documented error."""
    with pytest.raises(protobuf.ProtobufError):
        protobuf.parse(data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    """Whatever a peer sends."""
    try:
        protobuf.parse(data, repeated=2)
    except protobuf.ProtobufError:
        return


def test_text_that_is_not_utf8_is_replaced() -> None:
    """A peer's error text is shown, never a reason to fail."""
    assert protobuf.parse(protobuf.field(6, b"a\xff")).text(6) == "a\N{REPLACEMENT CHARACTER}"
