"""Tables in plain text."""

import click

from typha.commands import tables

SHAPE = {"hostname": "host", "behind": "behind"}


def test_columns_are_as_wide_as_what_is_in_them_and_numbers_stand_to_the_right():
    """Headings included."""
    rows = [{"hostname": "a-long-name", "behind": 7}, {"hostname": "b", "behind": 12345}]
    assert click.unstyle(tables.table(SHAPE, rows)).splitlines() == [
        "host         behind",
        "a-long-name       7",
        "b             12345",
    ]


def test_what_a_row_does_not_have_stays_blank():
    """A client in its handshake has no sequence."""
    rows = [{"hostname": "a"}, {"hostname": "b", "behind": None}, {"hostname": "c", "behind": 1}]
    assert click.unstyle(tables.table(SHAPE, rows)).splitlines()[1:] == [
        "a",
        "b",
        "c          1",
    ]


def test_names_cannot_move_the_cursor():
    """A host calls itself what it likes."""
    text = tables.table(SHAPE, [{"hostname": "a\x1b[2Jb\nc\r"}])
    assert "\x1b[2J" not in text
    assert click.unstyle(text).splitlines()[1] == r"a\x1b[2Jb\nc\r"
