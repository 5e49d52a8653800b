"""How values are written for people."""

import pytest

from typha.ops import columns


@pytest.mark.parametrize(
    ("member", "value", "text"),
    [
        ("since", 1795348093.1, "2026-11-22 11:48:13"),
        ("behind_seconds", 0.001234, "0.00123"),
        ("behind_seconds", 0.0, "0"),
        ("behind_seconds", 12.345, "12.3"),
        ("sequence", 7, "7"),
        ("sequence", None, ""),
        ("hostname", "node-1", "node-1"),
    ],
)
def test_values_are_written_by_their_kind(member, value, text):
    """Times as dates, small numbers with what matters of them, nothing as nothing."""
    assert columns.shown(member, value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h")],
)
def test_spans_of_time_are_told_in_two_units(seconds, text):
    """More would be of no interest."""
    assert columns.span(seconds) == text
