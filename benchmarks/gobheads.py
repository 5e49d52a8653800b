"""The server's gob stream, read as little as is needed to count and to compare.

Written for the benchmarks alone, so that they do not judge the codec by itself: it relies on the
protocol's names and on the layout of an update, and skips what it does not need.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

HEAD_BYTES: Final = 256  # enough of a message to know its name and what is to be answered
VALUE, REVISION, UPDATE_TYPE = 1, 2, 5  # numbers of an update's fields; 0 is the key
NEW, UPDATED, DELETED = 1, 2, 3


class StreamError(Exception):
    """The server sent what is not gob, or not Felix's protocol."""


class Message(NamedTuple):
    """One message: its name without the package, and the beginning of its struct's bytes."""

    name: str
    body: bytes


class Place(NamedTuple):
    """Where in a gob stream the next byte belongs."""

    head: bytes = b""  # a message's length and first bytes, too few yet to know it
    skip: int = 0  # bytes left of a message that is known already
    awaited: str = ""  # the message whose value follows after type definitions


class Update(NamedTuple):
    """One key, as a client is told it."""

    key: str
    value: bytes
    revision: str
    kind: int


def walk(place: Place, data: bytes, most: int = HEAD_BYTES) -> tuple[Place, list[Message]]:
    """Find the messages that begin in `data`, keeping at most `most` bytes of each.

    Whatever follows a MsgDecoderRestart is another stream and must not be in `data`.
    """
    if place.skip >= len(data):
        return place._replace(skip=place.skip - len(data)), []
    data, offset = place.head + data[place.skip :], 0
    awaited = place.awaited
    found: list[Message] = []
    while offset < len(data):
        size, start = uint(data, offset)
        if start < 0 or len(data) - start < min(size, most):
            return Place(data[offset:], 0, awaited), found
        message, awaited = judge(data[start : start + min(size, most)], awaited)
        found.append(message)
        offset = start + size
    return Place(b"", offset - len(data), awaited), found


def judge(content: bytes, awaited: str) -> tuple[Message, str]:
    """Name a message; returns it and the name of the message whose value is still awaited."""
    type_id, offset = integer(content, 0)
    if type_id < 0:
        return Message("definition", b""), awaited
    if awaited:
        return Message(awaited, content[after_size(content, offset) :]), ""
    if content[offset] != 1:
        return Message("nothing", b""), ""
    size, offset = uint(content, offset + 1)
    name = content[offset : offset + size].decode().rpartition(".")[2]
    type_id, offset = integer(content, offset + size)
    if type_id < 0:  # definitions come in the middle of the message
        return Message("definition", b""), name
    return Message(name, content[after_size(content, offset) :]), ""


def after_size(content: bytes, offset: int) -> int:
    """Skip the byte count before an interface's value."""
    return uint(content, offset)[1]


def uint(data: bytes, offset: int) -> tuple[int, int]:
    """Read an unsigned number; returns it and where it ends, or -1 if it is cut off."""
    first = data[offset]
    if first < 0x80:  # noqa: PLR2004 - gob: such a byte is the number itself
        return first, offset + 1
    end = offset + 1 + 256 - first
    if end - offset > 9:  # noqa: PLR2004 - one byte of length and eight of number
        raise StreamError(f"no gob number begins with {first:#x}")
    return (int.from_bytes(data[offset + 1 : end]), end) if end <= len(data) else (0, -1)


def integer(data: bytes, offset: int) -> tuple[int, int]:
    """Read a signed number."""
    number, end = uint(data, offset)
    return (~(number >> 1) if number & 1 else number >> 1), end


def kvs(body: bytes) -> int:
    """Count the updates of a MsgKVs by its head."""
    return uint(body, 1)[0] if body[0] else 0


def text_fields(body: bytes) -> dict[int, bytes]:
    """Read a struct of strings or bytes, such as MsgDecoderRestart or MsgPing."""
    fields, field, offset = {}, -1, 0
    while delta := body[offset]:
        field += delta
        size, offset = uint(body, offset + 1)
        fields[field] = body[offset : offset + size]
        offset += size
    return fields


def number_field(body: bytes) -> int:
    """Read a struct of one number, such as MsgSyncStatus."""
    return uint(body, 1)[0] if body[0] else 0


def updates(body: bytes) -> Iterator[Update]:
    """Decode the updates of a whole MsgKVs."""
    if not body[0]:
        return
    count, offset = uint(body, 1)
    for _ in range(count):
        update, offset = one_update(body, offset)
        yield update
    if body[offset : offset + 2] != b"\0\0":
        raise StreamError("MsgKVs does not end where its updates do")


def one_update(body: bytes, offset: int) -> tuple[Update, int]:
    """Decode one update; returns it and where it ends."""
    field, key, value, revision, kind = -1, "", b"", "", 0
    while delta := body[offset]:
        field += delta
        number, offset = uint(body, offset + 1)
        if field == UPDATE_TYPE:
            kind = number
        elif field == REVISION:
            revision, offset = text_in_interface(body, offset + number)
        elif field < UPDATE_TYPE - 1:
            text, offset = body[offset : offset + number], offset + number
            if field == 0:
                key = text.decode()
            elif field == VALUE:
                value = text
    return Update(key, value, revision, kind), offset + 1


def text_in_interface(body: bytes, offset: int) -> tuple[str, int]:
    """Read a string that an interface holds: type id, byte count, zero, size, text."""
    _, offset = integer(body, offset)
    size, offset = uint(body, after_size(body, offset) + 1)
    return body[offset : offset + size].decode(), offset + size
