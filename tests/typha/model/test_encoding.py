"""Values become the bytes that Go's JSON writer makes."""

import json
import math

import pytest
from hypothesis import given, strategies as st

from tests import golden_data
from typha.model import encoding

VECTORS = golden_data.vectors("json-encoding")


@pytest.mark.golden
@pytest.mark.parametrize("vector", [v for v in VECTORS if "in" in v], ids=lambda v: v["in"])
def test_numbers_are_written_as_go_writes_floats(vector):
    """Every recorded float64."""
    assert encoding.encode(encoding.number(float(vector["in"]))).decode() == vector["json"]


@pytest.mark.golden
@pytest.mark.parametrize("vector", [v for v in VECTORS if "inHex" in v], ids=lambda v: v["inHex"])
def test_strings_are_escaped_as_go_escapes_them(vector):
    """Every recorded string, also one whose bytes are no UTF-8."""
    text = bytes.fromhex(vector["inHex"]).decode("utf-8", "surrogateescape")
    assert encoding.encode(text).decode() == vector["json"]


@pytest.mark.golden
@pytest.mark.parametrize("vector", [v for v in VECTORS if "map" in v], ids=lambda v: v["map"])
def test_maps_are_sorted_by_the_bytes_of_their_keys(vector):
    """Every recorded map, read in another order."""
    shuffled = dict(reversed(json.loads(vector["map"]).items()))
    assert encoding.encode(encoding.sorted_map(shuffled)).decode() == vector["map"]


def test_a_backslash_before_a_letter_is_not_taken_for_a_control_character():
    r"""`\\b` in the text is two characters; backspace and form feed are one each."""
    assert encoding.encode("\\b\b\\\\f\f") == rb'"\\b\u0008\\\\f\u000c"'


def test_a_lone_surrogate_anywhere_becomes_the_replacement_escape():
    """No Go string can hold one; it must not cost the whole object."""
    value = {"a\ud800": ["\udfff", {"b": 1}, None]}
    assert encoding.encode(value) == rb'{"a\ufffd":["\ufffd",{"b":1},null]}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1000, b"1000"),
        (1700000000000000001, b"1700000000000000000"),
        (123456789012345680000, b"123456789012345680000"),
        (10**30, b"1e+30"),
        (0.00001, b"0.00001"),
        (-0.0, b"-0"),
        (-5e-324, b"-5e-324"),
        (1e16, b"10000000000000000"),
    ],
)
def test_a_number_is_what_a_float64_holds_of_it(value, text):
    """Integers beyond 2**53 lose digits as they do in Go, and are padded with zeros."""
    assert encoding.encode(encoding.number(value)) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_keeps_its_value(value):
    """What is written reads back as the same float64."""
    assert math.copysign(1, float(encoding.encode(encoding.number(value)))) == math.copysign(
        1, value
    )
    assert float(encoding.encode(encoding.number(value))) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_is_written_reads_back_and_needs_no_further_escape(value):
    """The escapes change the bytes and never the meaning."""
    text = encoding.encode(value)
    assert json.loads(text) == value
    assert not set(b"<>&\b\f") & set(text)
    assert "\u2028" not in text.decode()
