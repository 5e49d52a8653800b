"""gob's integers against Go's own encodings and at their borders."""

import pytest
from hypothesis import given, strategies as st

from tests import recordings
from typha.gob import varint
from typha.gob.errors import DecodeError, EncodeError, TruncatedError

UINT64 = st.integers(0, 2**64 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.golden
def test_unsigned_integers_are_written_and_read_as_go_does() -> None:
    """Every recorded vector, both ways."""
    for vector in recordings.gob_vectors()["uint"]:
        value, encoded = int(vector["value"]), bytes.fromhex(vector["payload_hex"])
        assert varint.encode_uint(value) == encoded
        assert varint.decode_uint(encoded, 0) == (value, len(encoded))


@pytest.mark.golden
def test_signed_integers_are_written_and_read_as_go_does() -> None:
    """Every recorded vector, both ways."""
    for vector in recordings.gob_vectors()["int"]:
        value, encoded = int(vector["value"]), bytes.fromhex(vector["payload_hex"])
        assert varint.encode_int(value) == encoded
        assert varint.decode_int(encoded, 0) == (value, len(encoded))


@given(UINT64, st.binary(max_size=3), st.binary(max_size=3))
def test_an_unsigned_integer_comes_back_wherever_it_stands(
    value: int, before: bytes, after: bytes
) -> None:
    """What surrounds it plays no part."""
    encoded = varint.encode_uint(value)
    found = varint.decode_uint(before + encoded + after, len(before))
    assert found == (value, len(before) + len(encoded))


@given(INT64)
def test_a_signed_integer_comes_back(value: int) -> None:
    """Both signs, the whole range."""
    assert varint.decode_int(varint.encode_int(value), 0)[0] == value


@given(UINT64)
def test_an_integer_cut_short_is_recognised(value: int) -> None:
    """A reader of a stream can tell "not yet" from "never"."""
    encoded = varint.encode_uint(value)
    for end in range(len(encoded)):
        with pytest.raises(TruncatedError):
            varint.decode_uint(encoded[:end], 0)


def test_more_bytes_than_needed_are_accepted() -> None:
    """Go's reader does not insist on the shortest form."""
    assert varint.decode_uint(bytes.fromhex("fc00000005"), 0) == (5, 5)


def test_more_than_eight_bytes_are_refused_before_they_arrive() -> None:
    """The length alone is wrong."""
    with pytest.raises(DecodeError, match="9 bytes"):
        varint.decode_uint(b"\xf7", 0)


@pytest.mark.parametrize("value", [-1, 2**64])
def test_what_does_not_fit_is_not_encoded(value: int) -> None:
    """Rather than cut off."""
    with pytest.raises(EncodeError):
        varint.encode_uint(value)
