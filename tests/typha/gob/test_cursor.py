"""Primitives out of one message, within a budget."""

import pytest

from typha.gob.cursor import Cursor
from typha.gob.errors import DecodeError, LimitError, TruncatedError


def cursor(message: str, *, depth: int = 3, values: int = 10) -> Cursor:
    """Return a cursor at the start of a message given in hexadecimal."""
    fresh = Cursor(depth, values)
    fresh.open(bytes.fromhex(message))
    return fresh


def test_primitives_are_read_one_after_the_other() -> None:
    """Each leaves the cursor behind itself."""
    at = cursor("ff80 03 01 0261ff 02c3a9 fef03f")
    assert at.read_uint() == 128
    assert at.read_int() == -2
    assert at.read_bool() is True
    assert at.read_bytes() == b"a\xff"
    assert at.read_text() == "é"
    assert at.read_float() == 1.0
    assert at.remaining == 0


def test_text_that_is_not_utf8_keeps_its_bytes() -> None:
    """Go's strings are bytes, and nobody checks them on the way."""
    assert cursor("02fffe").read_text().encode(errors="surrogateescape") == b"\xff\xfe"


@pytest.mark.parametrize("message", ["", "ff", "0261", "fd0100"])
def test_bytes_beyond_the_message_do_not_exist(message: str) -> None:
    """Whether the length or what it counts is cut off."""
    with pytest.raises(TruncatedError):
        cursor(message).read_bytes()


def test_a_count_beyond_the_message_is_refused_before_anything_is_made() -> None:
    """Every element takes a byte at least, every pair two."""
    assert cursor("02 0000").read_count() == 2
    with pytest.raises(TruncatedError):
        cursor("02 000000").read_count(size=2)
    with pytest.raises(TruncatedError):
        cursor("f87fffffffffffffff 00").read_count()


def test_values_and_depth_run_out() -> None:
    """The budget is for the whole message; depth comes back on leaving."""
    at = cursor("04 00000000", values=3)
    with pytest.raises(LimitError):
        at.read_count()
    at = cursor("", depth=1)
    for _ in range(3):
        at.enter()
        at.leave()
    at.enter()
    with pytest.raises(LimitError):
        at.enter()


def test_a_lone_value_needs_its_zero() -> None:
    """The byte before a value that is no struct."""
    with pytest.raises(DecodeError):
        cursor("01").read_zero()
