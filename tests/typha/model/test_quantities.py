"""Kubernetes quantities as whole numbers."""

import pytest

from typha.model import quantities


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("1k", 1000),
        ("1.01P", 1_010_000_000_000_000),
        ("4Gi", 4 << 30),
        ("100m", 1),
        ("1n", 1),
        ("-1.5", -2),
        (".5", 1),
        ("5.", 5),
        ("1e3", 1000),
        ("1E", 10**18),
        ("1E-3", 1),
        ("0", 0),
        ("-0", 0),
        ("k", 0),
        ("+.Mi", 0),
        ("99E", (1 << 63) - 1),
        ("-99E", -((1 << 63) - 1)),
        ("1e999", (1 << 63) - 1),
    ],
)
def test_a_quantity_is_rounded_away_from_zero(text, number):
    """And capped at 64 bits; without a digit it is 0, as in the original."""
    assert quantities.whole(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "plenty", "K", "1 k", "1KiB", "1e", "1,5", "\N{ARABIC-INDIC DIGIT ONE}", "1" * 100],
)
def test_what_is_not_a_quantity_is_refused(text):
    """Naming it."""
    with pytest.raises(ValueError, match="is not a quantity"):
        quantities.whole(text)
