"""What is received, as lines: the JSON is a contract, the text is safe to look at."""

import json

import click
import pytest

from typha.commands import lines
from typha.syncproto.messages import (
    DecoderRestart,
    KVs,
    Ping,
    SerializedUpdate,
    ServerHello,
    SyncStatusMessage,
)

NEW = SerializedUpdate(
    key="/calico/v1/Ready", value=b"true", revision="12", v3_resource_version="7", update_type=1
)
GONE = SerializedUpdate(key="/calico/v1/config/X", update_type=3)


def json_lines(message):
    """Return the JSON lines of a message as text."""
    return [line.decode() for line in lines.as_json(message)]


def text_lines(message, width=0):
    """Return the text lines of a message without their colours."""
    return [click.unstyle(line) for line in lines.as_text(message, width)]


def test_json_lines_are_those_of_the_contract():
    """Members and their order."""
    hello = ServerHello(syncer_type="felix", version="v3.32.1", connection_id=7)
    assert json_lines(hello) == [
        '{"type":"hello","syncer":"felix","version":"v3.32.1","conn_id":7}'
    ]
    assert lines.update_as_json(NEW).decode() == (
        '{"type":"kv","key":"/calico/v1/Ready","value":"true","raw":"dHJ1ZQ==",'
        '"revision":"12","v3_resource_version":"7","update_type":"new"}'
    )
    assert lines.update_as_json(GONE).decode() == (
        '{"type":"kv","key":"/calico/v1/config/X","value":null,"raw":null,'
        '"revision":"","v3_resource_version":"","update_type":"deleted"}'
    )
    assert len(json_lines(KVs(updates=(NEW, GONE)))) == 2
    assert json_lines(SyncStatusMessage(status=2)) == ['{"type":"status","status":"in-sync"}']


@pytest.mark.parametrize(
    ("status", "name"), [(0, "wait-for-ready"), (1, "resync"), (2, "in-sync"), (9, "9")]
)
def test_every_status_has_a_name(status, name):
    """A future one is shown by its number."""
    assert json.loads(json_lines(SyncStatusMessage(status=status))[0])["status"] == name


@pytest.mark.parametrize(
    ("update_type", "name"),
    [(0, "unknown"), (1, "new"), (2, "updated"), (3, "deleted"), (9, "unknown")],
)
def test_every_update_type_has_a_name(update_type, name):
    """Future ones are unknown."""
    update = SerializedUpdate(key="/k", update_type=update_type)
    assert json.loads(lines.update_as_json(update))["update_type"] == name


def test_what_is_not_utf8_is_shown_as_well_as_can_be():
    """The raw value has the exact bytes."""
    key = b"/\xff".decode(errors="surrogateescape")
    shown = json.loads(lines.update_as_json(SerializedUpdate(key=key, value=b"\xfe")))
    assert (shown["key"], shown["value"], shown["raw"]) == ("/\ufffd", "\ufffd", "/g==")


def test_pings_and_restarts_have_no_lines():
    """They are the protocol's own affair."""
    for message in (Ping(), DecoderRestart()):
        assert json_lines(message) == text_lines(message) == []


def test_text_lines_say_what_happened_to_which_key():
    """A mark, the key, the value."""
    hello = ServerHello(syncer_type="felix", version="v3.32.1", connection_id=7)
    assert text_lines(hello) == ["# felix from v3.32.1, connection 7"]
    updated = SerializedUpdate(key="/k", value=b"v", update_type=2)
    unknown = SerializedUpdate(key="/k", value=b"v")
    assert text_lines(KVs(updates=(NEW, GONE, updated, unknown))) == [
        "+ /calico/v1/Ready  true",
        "- /calico/v1/config/X",
        "~ /k  v",
        "? /k  v",
    ]
    assert text_lines(SyncStatusMessage(status=1)) == ["= resync"]


def test_text_is_cut_to_the_width_of_the_terminal():
    """Keys stay whole."""
    update = KVs(updates=(SerializedUpdate(key="/key", value=b"v" * 100, update_type=1),))
    (line,) = text_lines(update, width=20)
    assert line == "+ /key  vvvvvvvvvvv…"
    assert len(line) == 20
    assert text_lines(update, width=5) == ["+ /key  …"]
    assert len(text_lines(update)[0]) == 108


def test_nothing_in_a_value_moves_the_cursor():
    """Values are other people's text, and terminals obey escape sequences."""
    value = b"\x1b[2J\r\n\x07ok"
    update = KVs(updates=(SerializedUpdate(key="/a\x1b[1m\n", value=value, update_type=1),))
    (line,) = text_lines(update)
    assert line == r"+ /a\x1b[1m\n  \x1b[2J\r\n\x07ok"
