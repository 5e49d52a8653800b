"""What a client receives, as lines: JSON for programs, text for people.

The members of the JSON objects and their order are a contract with scripts.
"""

import base64
from collections.abc import Iterator
from typing import Final

import click
import orjson

from typha.syncproto.messages import (
    KVs,
    Message,
    SerializedUpdate,
    ServerHello,
    SyncStatus,
    SyncStatusMessage,
    UpdateType,
)

UPDATE_TYPES: Final = {update_type.value: update_type.name.lower() for update_type in UpdateType}
STATUSES: Final = {
    SyncStatus.WAIT_FOR_READY.value: "wait-for-ready",
    SyncStatus.RESYNC.value: "resync",
    SyncStatus.IN_SYNC.value: "in-sync",
}
_MARKS: Final = {
    UpdateType.NEW.value: click.style("+", fg="green"),
    UpdateType.UPDATED.value: click.style("~", fg="yellow"),
    UpdateType.DELETED.value: click.style("-", fg="red"),
}


def as_json(message: Message) -> Iterator[bytes]:
    """Yield the JSON lines of a message; there are none for pings and restarts."""
    match message:
        case ServerHello():
            yield orjson.dumps(
                {
                    "type": "hello",
                    "syncer": _clean(message.syncer_type),
                    "version": _clean(message.version),
                    "conn_id": message.connection_id,
                }
            )
        case KVs():
            yield from map(update_as_json, message.updates)
        case SyncStatusMessage():
            yield orjson.dumps({"type": "status", "status": status_name(message.status)})
        case _:
            pass


def update_as_json(update: SerializedUpdate) -> bytes:
    """Return the line of one key: `value` for reading, `raw` to the byte (base64)."""
    value = update.value
    return orjson.dumps(
        {
            "type": "kv",
            "key": _clean(update.key),
            "value": None if value is None else value.decode(errors="replace"),
            "raw": None if value is None else base64.b64encode(value).decode(),
            "revision": _clean(update.revision or ""),
            "v3_resource_version": _clean(update.v3_resource_version),
            "update_type": UPDATE_TYPES.get(update.update_type, "unknown"),
        }
    )


def as_text(message: Message, width: int = 0) -> Iterator[str]:
    """Yield lines for people, cut to `width` characters where that is not 0."""
    match message:
        case ServerHello():
            who = f"{_visible(message.syncer_type)} from {_visible(message.version) or 'a server'}"
            yield click.style(f"# {who}, connection {message.connection_id}", dim=True)
        case KVs():
            for update in message.updates:
                yield update_as_text(update, width)
        case SyncStatusMessage():
            yield click.style(f"= {status_name(message.status)}", bold=True)
        case _:
            pass


def update_as_text(update: SerializedUpdate, width: int = 0) -> str:
    """Return the line of one key: what happened, the key, the value."""
    key = _visible(update.key)
    mark = _MARKS.get(update.update_type, "?")
    value = "" if update.value is None else _visible(update.value.decode(errors="replace"))
    if width:
        room = max(width - len(key) - 4, 0)
        value = value if len(value) <= room else value[: max(room - 1, 0)] + "…"
    return f"{mark} {click.style(key, fg='cyan')}  {value}".rstrip()


def status_name(status: int) -> str:
    """Return the name of a status, the number itself where it has none."""
    return STATUSES.get(status, str(status))


def _clean(text: str) -> str:
    """Return text that can be written as UTF-8: the protocol's strings may be any bytes."""
    if text.isascii():
        return text
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _visible(text: str) -> str:
    """Spell out what would move the cursor: keys and values are other people's text."""
    text = _clean(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
