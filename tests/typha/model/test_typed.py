"""Decoded JSON takes the types and the order of a Go struct."""

import contextlib

import pytest
from hypothesis import given, settings, strategies as st

from typha.model import encoding, typed
from typha.model.resources import ConversionError

INNER = typed.struct(typed.always("x", typed.INT), typed.unless_empty("y", typed.STRING))
OUTER = typed.struct(
    typed.always("list", typed.list_of(INNER)),
    typed.unless_empty("text", typed.STRING),
    typed.if_given("flag", typed.BOOL),
    typed.always("map", typed.STRING_MAP),
    typed.always("inner", INNER),
    typed.if_given("wait", typed.DURATION),
    typed.if_given("since", typed.TIME),
    typed.if_given("as", typed.AS_NUMBER),
    typed.always("port", typed.INT_OR_STRING),
    typed.if_given("raw", typed.RAW),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def test_members_take_the_order_and_the_types_of_the_struct():
    """Unknown ones vanish; empty ones stay or go as declared."""
    given_object = {
        "raw": {"b": [1], "a": None},
        "since": "2024-01-02T05:04:05.7+02:00",
        "as": "1.10",
        "wait": "90s",
        "map": {"b": "2", "a": None},
        "unknown": 1,
        "text": "",
        "flag": False,
        "list": [{"y": "", "x": 7, "z": 1}, None],
    }
    assert encoding.encode(typed.retype(OUTER, given_object, "spec")) == (
        b'{"list":[{"x":7},{"x":0}],"flag":false,"map":{"a":"","b":"2"},"inner":{"x":0},'
        b'"wait":"1m30s","since":"2024-01-02T03:04:05Z","as":65546,"port":0,'
        b'"raw":{"b":[1],"a":null}}'
    )


def test_an_unset_struct_prints_its_zero_values():
    """Null and absent are the same."""
    zero = {"list": None, "map": None, "inner": {"x": 0}, "port": 0}
    assert typed.retype(OUTER, None, "spec") == zero
    assert typed.retype(OUTER, dict.fromkeys(["list", "text", "wait", "raw"]), "spec") == zero


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"list": [{}, {"x": "3"}]}, "spec.list[1].x: '3' is not a whole number"),
        ({"list": {}}, "spec.list: {} is not a list"),
        ({"inner": {"x": True}}, "spec.inner.x: True is not a whole number"),
        ({"inner": {"x": 1.0}}, "spec.inner.x: 1.0 is not a whole number"),
        ({"inner": {"x": 1 << 63}}, "spec.inner.x: "),
        ({"map": {"k": 1}}, "spec.map[k]: 1 is not a text"),
        ({"text": 5}, "spec.text: 5 is not a text"),
        ({"flag": "true"}, "spec.flag: 'true' is not true or false"),
        ({"wait": "90"}, "spec.wait: '90' is not a duration; accepted: "),
        ({"wait": 90}, "spec.wait: 90 is not a text"),
        ({"since": "yesterday"}, "spec.since: 'yesterday' is not a time such as "),
        ({"since": "2024-02-30T00:00:00Z"}, "is not a time on the calendar"),
        ({"as": "chestnut"}, "spec.as: 'chestnut' is not an AS number; accepted: 64512 or 1.10"),
        ({"as": "1.65536"}, "is not an AS number"),
        ({"as": -1}, "spec.as: -1 is not a whole number from 0 to 4294967295"),
        ({"port": []}, "spec.port: [] is not"),
        ([], "spec: [] is not an object"),
    ],
)
def test_an_error_names_the_member_its_value_and_what_is_accepted(bad, message):
    """So that whoever wrote the object can mend it."""
    with pytest.raises(typed.MemberError) as raised:
        typed.retype(OUTER, bad, "spec")
    assert message in str(raised.value)


def test_the_zero_time_prints_as_null():
    """Go's year one is no time at all."""
    assert typed.TIME.convert("0001-01-01T00:00:00Z") is None


def test_an_empty_protobuf_list_is_no_list():
    """What a client reads as protobuf cannot tell the two apart."""
    assert typed.repeated(typed.STRING).convert([]) is None
    assert typed.repeated(typed.STRING).convert(["a"]) == ["a"]


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ["list", "text", "flag", "map", "inner", "wait", "since", "as", "port", "raw"], JSON
        ),
    )
)
@settings(deadline=None, max_examples=200)
def test_any_json_is_typed_or_refused(value):
    """Nothing else may come out of it."""
    with contextlib.suppress(ConversionError):
        encoding.encode(typed.retype(OUTER, value, "spec"))
