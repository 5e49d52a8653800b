"""Bytes to values: Go's streams in every segmentation, and what hostile senders try.

One module, for streams and attacks change with one thing, the format.
"""

import base64
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests import recordings
from tests.typha.gob.typed_values import TypedValue, typed_values
from typha.gob import types, varint
from typha.gob.decoder import Decoder
from typha.gob.encoder import Encoder
from typha.gob.errors import DecodeError, LimitError, TruncatedError
from typha.gob.types import Builtin, Field, Interface
from typha.gob.values import DEFAULT_LIMITS, Limits

NUMBERS = types.SliceType("[]uint", Builtin.UINT)
BOX = types.StructType("Box", (Field("Content", Builtin.INTERFACE),))
PAIR = types.StructType("Pair", (Field("A", Builtin.UINT), Field("B", Builtin.UINT)))


def decode(data: bytes, step: int = 0, limits: Limits = DEFAULT_LIMITS) -> list[Any]:
    """Return every value of a stream that is fed in pieces of `step` bytes, or at once."""
    decoder = Decoder(limits)
    values = []
    for start in range(0, len(data), step or len(data) or 1):
        decoder.feed(data[start : start + (step or len(data))])
        values += decoder.values()
        assert decoder.is_between_values == (decoder.buffered == 0)
    assert decoder.buffered == 0
    return values


def message(*parts: bytes) -> bytes:
    """Return a message of these parts."""
    content = b"".join(parts)
    return varint.encode_uint(len(content)) + content


def definitions(**named: types.WireType) -> bytes:
    """Return messages that define types by ids like `t64`."""
    known = {int(name[1:]): definition for name, definition in named.items()}
    return b"".join(map(Encoder(known).definition, known))


def description(type_id: int, definition: types.WireType) -> bytes:
    """Return a definition without its length, as it stands woven into a value."""
    whole = Encoder({type_id: definition}).definition(type_id)
    return whole[varint.decode_uint(whole, 0)[1] :]


@pytest.mark.golden
@pytest.mark.parametrize(
    "vector",
    [*recordings.gob_vectors()["messages"], *recordings.gob_vectors()["general"]],
    ids=lambda vector: vector["name"][:40],
)
def test_a_value_of_go_means_the_same_with_and_without_definitions(vector: dict[str, Any]) -> None:
    """Go weaves definitions into the first of two equal values only."""
    fresh, again = base64.b64decode(vector["fresh_b64"]), base64.b64decode(vector["again_b64"])
    (value,) = decode(fresh)
    assert decode(fresh + again) == [value, value]
    assert decode(fresh, step=1) == [value]


@pytest.mark.golden
@pytest.mark.parametrize("vector", recordings.gob_vectors()["streams"], ids=lambda v: v["name"])
def test_values_of_a_go_stream_end_where_go_says(vector: dict[str, Any]) -> None:
    """Fed up to the end of each value, the decoder has exactly the values up to there."""
    stream = base64.b64decode(vector["stream_b64"])
    ends = vector["end_offsets"]
    decoder = Decoder()
    names = []
    for start, end in zip([0, *ends], ends, strict=False):
        decoder.feed(stream[start : end - 1])
        assert list(decoder.values()) == []
        decoder.feed(stream[end - 1 : end])
        (value,) = decoder.values()
        names.append(value["Message"].name.rpartition(".")[2])
    assert names == vector["messages"]


@given(st.lists(typed_values(depth=3), min_size=1, max_size=3), st.integers(1, 7))
@settings(deadline=None)
def test_splitting_the_stream_never_changes_the_values(
    streams: list[TypedValue], step: int
) -> None:
    """Borders of pieces carry no meaning."""
    for typed in streams:
        encoder = Encoder(typed.definitions)
        data = b"".join(map(encoder.definition, typed.definitions))
        data += encoder.message(typed.type_id, typed.value) * 2
        assert decode(data, step) == decode(data)


def test_bytes_behind_the_last_value_wait() -> None:
    """And are given back on request, for whoever comes next on the connection."""
    decoder = Decoder()
    decoder.feed(message(b"\x06", b"\0", b"\x07") + b"\x05rest")
    assert list(decoder.values()) == [7]
    assert decoder.buffered == 5
    assert decoder.take_rest() == b"\x05rest"
    assert decoder.buffered == 0


BOXED_PAIR = {"Content": Interface("pair", 65, {"A": 1, "B": 2})}


@pytest.mark.parametrize("step", [0, 1, 5])
def test_a_value_goes_on_in_the_message_behind_a_woven_definition(step: int) -> None:
    """As Go sends whatever type it meets first inside an interface."""
    data = definitions(t64=BOX)
    data += message(varint.encode_int(64), b"\x01\x04pair", description(65, PAIR))
    data += message(description(66, NUMBERS))
    data += message(varint.encode_int(65), b"\x05", bytes.fromhex("0101010200"), b"\0")
    assert decode(data, step) == [BOXED_PAIR]


@pytest.mark.parametrize("step", [0, 1, 5])
def test_a_woven_definition_may_be_followed_by_its_value_at_once(step: int) -> None:
    """Inside a nested interface a length stands between the two."""
    pair = varint.encode_int(65) + b"\x05" + bytes.fromhex("0101010200")
    data = definitions(t64=BOX)
    data += message(
        varint.encode_int(64), b"\x01\x04pair", description(65, PAIR), b"\x08", pair, b"\0"
    )
    assert decode(data, step) == [BOXED_PAIR]


def test_definitions_may_come_in_any_order_before_they_are_needed() -> None:
    """Even after a definition that mentions them; one that is never needed may be missing."""
    names = types.StructType("Names", (Field("All", 65), Field("Unused", 66)))
    data = definitions(t64=names, t65=types.SliceType("[]string", Builtin.STRING))
    data += message(varint.encode_int(64), bytes.fromhex("0102016101 62 00"))
    assert decode(data) == [{"All": ["a", "b"]}]


HOSTILE = {
    "a length of nine bytes": b"\xf7" + b"\xff" * 9,
    "an empty message": b"\0",
    "a reserved id": definitions(t63=PAIR),
    "an id beyond 31 bits": definitions(t2147483648=PAIR),
    "a type defined twice": definitions(t64=PAIR) * 2,
    "two definitions in a message": message(description(64, PAIR), description(65, PAIR)),
    "a definition of nothing": message(varint.encode_int(-64), b"\0"),
    "a definition of two kinds": message(varint.encode_int(-64), b"\1\0\1\0\0"),
    "a value of no type": message(varint.encode_int(64), b"\0"),
    "a value of a self-description": message(varint.encode_int(9), b"\0\0"),
    "a field of no type": definitions(t64=types.StructType("S", (Field("A", 65),)))
    + message(varint.encode_int(64), b"\1\1\0"),
    "a field that no struct has": definitions(t64=PAIR)
    + message(varint.encode_int(64), b"\3\1\0"),
    "fields without end": definitions(t64=PAIR) + message(varint.encode_int(64), b"\1\1"),
    "a lone value without its zero": message(varint.encode_int(Builtin.UINT), b"\1\1"),
    "bytes behind a value": message(varint.encode_int(Builtin.UINT), b"\0\1\1"),
    "more elements than bytes": definitions(t64=NUMBERS)
    + message(varint.encode_int(64), b"\0\x05\1"),
    "fewer elements than bytes": definitions(t64=NUMBERS)
    + message(varint.encode_int(64), b"\0\1\1\1"),
    "an array of another length": definitions(t64=types.ArrayType("[2]uint", Builtin.UINT, 2))
    + message(varint.encode_int(64), b"\0\1\1"),
    "an array of negative length": definitions(t64=types.ArrayType("a", Builtin.UINT, -1))
    + message(varint.encode_int(64), b"\0\0"),
    "a text longer than its message": message(varint.encode_int(Builtin.STRING), b"\0\x09abc"),
    "an undefined type in an interface": message(
        varint.encode_int(Builtin.INTERFACE), b"\0\1x", varint.encode_int(64), b"\1\0"
    ),
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: typha.kube-system.svc:5473\r\nAccept: */*\r\n"
    b"User-Agent: curl\r\n\r\n",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("step", [0, 1])
def test_what_go_would_refuse_is_refused(data: bytes, step: int) -> None:
    """As a DecodeError, however it arrives."""
    with pytest.raises(DecodeError):
        decode(data, step)


def test_an_announced_length_is_refused_before_anything_of_it_arrives() -> None:
    """The prefix is enough, so that nobody can make us keep a gigabyte."""
    decoder = Decoder(Limits(message_bytes=1000))
    decoder.feed(varint.encode_uint(1001))
    with pytest.raises(LimitError, match="1001 bytes"):
        list(decoder.values())


def test_the_messages_of_one_value_share_the_limit() -> None:
    """A woven definition opens no second allowance."""
    start = message(varint.encode_int(64), b"\x01\x04pair", description(65, PAIR))
    decoder = Decoder(Limits(message_bytes=1000))
    decoder.feed(definitions(t64=BOX) + start + varint.encode_uint(1000))
    with pytest.raises(LimitError):
        list(decoder.values())


def test_the_allowance_is_renewed_with_every_value() -> None:
    """However long the stream lives."""
    one = message(varint.encode_int(Builtin.UINT), b"\0\7")
    assert decode(one * 50, limits=Limits(message_bytes=len(one))) == [7] * 50


def nested(depth: int) -> bytes:
    """Return interfaces within interfaces, down to a number."""
    value = Interface("uint", Builtin.UINT, 1)
    for _ in range(depth):
        value = Interface("any", Builtin.INTERFACE, value)
    return Encoder({}).message(Builtin.INTERFACE, value)


def test_depth_is_limited() -> None:
    """Long before Python's own stack is."""
    assert len(decode(nested(20), limits=Limits(depth=32))) == 1
    with pytest.raises(LimitError, match="deeply"):
        decode(nested(200), limits=Limits(depth=32))


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        (types.SliceType("[]any", 64), b"\0" + b"\1" * 5000),
        (types.ArrayType("[1]any", 64, 1), b"\0" + b"\1" * 5000),
        (types.StructType("any", (Field("Inner", 64),)), b"\1" * 5000),
        (types.MapType("map[uint]any", Builtin.UINT, 64), b"\0" + b"\1\7" * 5000),
    ],
    ids=["slice", "array", "struct", "map"],
)
def test_a_type_that_contains_itself_is_no_way_around_the_depth(
    definition: types.WireType, value: bytes
) -> None:
    """Definitions may be recursive, and each level costs a byte or two."""
    data = definitions(t64=definition)
    with pytest.raises(LimitError, match="deeply"):
        decode(data + message(varint.encode_int(64), value))


def test_the_number_of_values_is_limited() -> None:
    """Not only the bytes: a million small values cost more than one large one."""
    data = definitions(t64=NUMBERS) + Encoder({64: NUMBERS}).message(64, [1] * 5000)
    assert decode(data) == [[1] * 5000]
    with pytest.raises(LimitError, match="too many values"):
        decode(data, limits=Limits(values=4999))


def test_the_fields_of_structs_are_values_too() -> None:
    """A million small structs cost more than they have bytes."""
    pairs = types.SliceType("[]Pair", 65)
    data = definitions(t64=pairs, t65=PAIR)
    data += Encoder({64: pairs, 65: PAIR}).message(64, [{"A": 1, "B": 2}] * 1000)
    assert len(decode(data, limits=Limits(values=3100))[0]) == 1000
    with pytest.raises(LimitError, match="too many values"):
        decode(data, limits=Limits(values=2900))


def test_the_number_of_values_is_that_of_one_message() -> None:
    """A stream may live for years."""
    one = Encoder({64: NUMBERS}).message(64, [1] * 400)
    assert len(decode(definitions(t64=NUMBERS) + one * 50, limits=Limits(values=500))) == 50


def test_starting_a_value_over_does_not_refill_its_budget() -> None:
    """Every woven definition makes the value be read anew: that may not be repeated for ever."""
    box = types.StructType("Box", (Field("Numbers", 65), Field("Content", Builtin.INTERFACE)))
    start = message(
        varint.encode_int(64),
        b"\1\x50" + b"\1" * 80 + b"\1\x04pair",
        description(66, PAIR),
    )
    data = definitions(t64=box, t65=NUMBERS) + start
    data += b"".join(message(description(70 + n, PAIR)) for n in range(8))
    with pytest.raises(LimitError, match="too many values"):
        decode(data, step=1, limits=Limits(values=500))


def test_type_definitions_are_limited() -> None:
    """In number and in size, over the whole stream."""
    many = definitions(**{f"t{type_id}": PAIR for type_id in range(64, 75)})
    assert decode(many, limits=Limits(definitions=11)) == []
    with pytest.raises(LimitError, match="more than 10"):
        decode(many, limits=Limits(definitions=10))
    with pytest.raises(LimitError, match="bytes"):
        decode(many, limits=Limits(definition_bytes=200))


def test_a_name_in_an_interface_is_limited_as_in_go() -> None:
    """1024 bytes."""
    fits = Encoder({}).message(Builtin.INTERFACE, Interface("x" * 1024, Builtin.UINT, 1))
    assert len(decode(fits)) == 1
    longer = Encoder({}).message(Builtin.INTERFACE, Interface("x" * 1025, Builtin.UINT, 1))
    with pytest.raises(LimitError):
        decode(longer)


@given(st.binary(max_size=200), st.sampled_from(list(HOSTILE.values())))
@settings(deadline=None)
def test_nothing_but_a_decode_error_escapes(noise: bytes, before: bytes) -> None:
    """Whatever the bytes are."""
    for data in (noise, before[: len(before) // 2] + noise):
        decoder = Decoder(Limits(message_bytes=4096))
        decoder.feed(data)
        try:
            list(decoder.values())
        except DecodeError:
            continue


def test_truncated_is_told_apart() -> None:
    """A message that ends inside a value is its own error."""
    with pytest.raises(TruncatedError):
        decode(message(varint.encode_int(Builtin.STRING), b"\0\x09abc"))
