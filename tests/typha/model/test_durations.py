"""Durations print and parse as Go's do."""

import pytest
from hypothesis import given, settings, strategies as st

from tests import golden_data
from typha.model import durations

VECTORS = golden_data.vectors("durations")


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if not v.get("error")], ids=lambda v: v["in"]
)
def test_a_duration_gives_the_texts_that_go_gives(vector):
    """Seconds, milliseconds and the duration itself, as recorded."""
    parsed = durations.parse(vector["in"])
    assert durations.text(parsed) == vector["goString"]
    assert durations.seconds_text(parsed) == vector["seconds"]
    assert durations.milliseconds_text(parsed) == vector["millis"]


@pytest.mark.parametrize(
    "text",
    [v["in"] for v in VECTORS if v.get("error")]
    + [
        "1x",
        "s",
        ".s",
        "1.2.3s",
        "1s2",
        " 1s",
        "1_0s",
        "--1s",
        "9223372036854775808ns",
        "9" * 5000 + "s",
    ],
)
def test_what_go_refuses_is_refused(text):
    """No unit, no number, two dots, too long."""
    with pytest.raises(ValueError, match=r"duration|digits"):
        durations.parse(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0s"),
        ("-0", "0s"),
        ("+5s", "5s"),
        ("90m", "1h30m0s"),
        ("1h0.5s", "1h0m0.5s"),
        (".5s", "500ms"),
        ("5.s", "5s"),
        ("1500us", "1.5ms"),
        ("1500\N{GREEK SMALL LETTER MU}s", "1.5ms"),
        ("2s1s", "3s"),
        ("-9223372036854775808ns", "-2562047h47m16.854775808s"),
    ],
)
def test_a_text_is_printed_again_in_gos_form(text, canonical):
    """Whatever way it was written."""
    assert durations.canonical(text) == canonical


@given(st.integers(-(1 << 63), (1 << 63) - 1))
@settings(deadline=None, max_examples=200)
def test_a_printed_duration_reads_back(nanoseconds):
    """No duration is lost between printing and reading."""
    assert durations.parse(durations.text(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (90.0, "90"),
        (360000.0, "360000"),
        (1e6, "1e+06"),
        (3600000.0, "3.6e+06"),
        (1234567.5, "1.2345675e+06"),
        (123456.75, "123456.75"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-2.5, "-2.5"),
        (0.0, "0"),
        (1e100, "1e+100"),
    ],
)
def test_floats_print_with_an_exponent_where_go_does(number, text):
    """Below -4 and from 6 on."""
    assert durations.float_text(number) == text
