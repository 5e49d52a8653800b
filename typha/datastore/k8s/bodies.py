"""Bodies of list and watch answers to objects, while they arrive.  Pure: bytes in, values out.

A list of 100,000 pods is half a gigabyte in one answer, for an API server that answers from its
cache ignores the limit.  So the items are cut off and decoded while the rest is on its way, and an
item that cannot be decoded is put aside alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from typha.datastore import answers
from typha.datastore.answers import BadItem
from typha.model.resources import JsonObject

CUT_BYTES: Final = 1 << 17  # decoded at once: what comes of it fits into a cache of the CPU
HEAD_BYTES: Final = 1 << 16  # a list whose items begin later is decoded whole
MAX_LINE_BYTES: Final = 64 << 20  # of a watch; the largest object etcd takes is far smaller

_ITEMS: Final = b'"items":['
_FIRST_KEY: Final = re.compile(rb'\s*\{"[^"\\]{1,64}":')
# What the slow scanner stops at: a text with its quotes, or a bracket, or a comma.
_TOKEN: Final = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*"|(?P<unfinished>"[^"\\]*(?:\\.[^"\\]*)*\\?\Z)|[\[\]{},]', re.DOTALL
)


class BodyError(Exception):
    """A body that is not what the API promises."""


@dataclass(frozen=True, slots=True)
class Page:
    """The last of a list: items, and what it says of itself."""

    items: list[Any]
    revision: str
    token: str  # of the next page; empty if this is the last
    bad: tuple[BadItem, ...] = ()


@dataclass(slots=True)
class ListDecoder:
    """Takes a list's body in pieces and gives its items in groups."""

    bad: list[BadItem] = field(default_factory=list)  # met so far
    _buffer: bytearray = field(default_factory=bytearray)
    _head: bytes = b""  # up to the first item, once it was found
    _border: bytes = b""  # between two items

    def feed(self, piece: bytes) -> list[Any]:
        """Take a piece; give the items that are complete, if there are many."""
        self._buffer += piece
        if len(self._buffer) < CUT_BYTES:
            return []
        if not self._head and not self._find_items():
            return []
        return self._cut()

    def finish(self) -> Page:
        """Give the rest.  Raises BodyError if the body is not a complete list."""
        answer, items = self._rest()
        metadata = answer.get("metadata") if isinstance(answer, dict) else None
        if not isinstance(metadata, dict) or not isinstance(items, list):
            raise BodyError(f"the answer is not a list{_said(answer)}")
        revision, token = metadata.get("resourceVersion"), metadata.get("continue")
        return Page(items, _text(revision), _text(token), tuple(self.bad))

    def _find_items(self) -> bool:
        at = self._buffer.find(_ITEMS, 0, HEAD_BYTES)
        first = _FIRST_KEY.match(self._buffer, at + len(_ITEMS)) if at >= 0 else None
        if first is None:
            return False
        # The server writes all items alike, so each begins with the key the first begins with.
        self._border = b"}," + first[0].lstrip()
        self._head = bytes(self._buffer[: at + len(_ITEMS)])
        del self._buffer[: len(self._head)]
        return True

    def _cut(self) -> list[Any]:
        """Decode up to the last border; one inside an item shows in that nothing decodes."""
        at = self._buffer.rfind(self._border)
        for _ in range(8):
            if at < 0:
                return []
            try:
                items = _array(self._buffer, at + 1)
            except orjson.JSONDecodeError:
                at = self._buffer.rfind(self._border, 0, at)
                continue
            del self._buffer[: at + 2]
            return items
        return self._cut_slowly()

    def _cut_slowly(self) -> list[Any]:
        items, end = [], 0
        for start, stop in spans(self._buffer):
            items += self._decode(bytes(self._buffer[start:stop]))
            end = stop + 1
        del self._buffer[:end]
        return items

    def _decode(self, item: bytes) -> list[Any]:
        try:
            return [orjson.loads(item)]
        except orjson.JSONDecodeError as error:
            self.bad.append(_named(item, str(error)))
            return []

    def _rest(self) -> tuple[Any, Any]:
        body = bytes(self._head + self._buffer)
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return self._rest_slowly(body, error)
        if not isinstance(answer, dict) or "items" not in answer:
            return answer, None  # a Status, for instance: it must not count as an empty list
        items = answer["items"]
        return answer, [] if items is None else items  # Go writes an empty list as null

    def _rest_slowly(self, body: bytes, error: orjson.JSONDecodeError) -> tuple[Any, Any]:
        at = body.find(_ITEMS, 0, HEAD_BYTES)
        if at < 0:
            raise BodyError(f"the answer cannot be decoded: {error}") from error
        start = at + len(_ITEMS)
        found = list(spans(body[start:], whole=True))
        end = start + (found[-1][1] if found else 0)
        try:
            answer = orjson.loads(body[:start] + body[end:])
        except orjson.JSONDecodeError as again:
            raise BodyError(f"the answer cannot be decoded: {again}") from again
        items = [value for a, b in found for value in self._decode(body[start + a : start + b])]
        return answer, items


def _array(text: bytearray, end: int) -> list[Any]:
    with memoryview(text) as view:
        items: list[Any] = orjson.loads(b"".join((b"[", view[:end], b"]")))
    return items


def spans(text: bytes | bytearray, *, whole: bool = False) -> Iterator[tuple[int, int]]:
    """Give where each item of an array's inside begins and ends; slow and exact.

    An item counts as complete at the comma behind it and, if the text is `whole`, at the array's
    closing bracket.
    """
    depth, start = 0, 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in b"{[":
            depth += 1
        elif sign in b"}]" and depth:
            depth -= 1
        elif sign == b"," and not depth:
            yield start, token.start()
            start = token.end()
        elif sign == b"]" or token["unfinished"]:
            if whole and text[start : token.start()].strip():
                yield start, token.start()
            return


def _named(item: bytes, reason: str) -> BadItem:
    """Find the names of an object that cannot be decoded as a whole; often they can be."""
    inside = item.strip()[1:]
    for start, end in spans(inside[:-1] + b"]", whole=True):
        member = inside[start:end].strip()
        if not member.startswith(b'"metadata":'):
            continue
        try:
            identity = answers.identity_in(orjson.loads(member.removeprefix(b'"metadata":')))
        except orjson.JSONDecodeError:
            break
        if identity is not None:
            return BadItem(*identity, reason)
    return BadItem("", "", f"{reason} in {item[:200]!r}")


@dataclass(slots=True)
class WatchDecoder:
    """Takes a watch's body in pieces and gives its events."""

    _rest: bytes = b""

    def feed(self, piece: bytes) -> list[JsonObject]:
        """Give the events that are complete.  Raises BodyError for a line that is none."""
        *lines, rest = (self._rest + piece).split(b"\n") if self._rest else piece.split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise BodyError(f"an event of more than {MAX_LINE_BYTES} bytes")
        self._rest = rest
        return [_event(line) for line in lines if line]


def _event(line: bytes) -> JsonObject:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BodyError(f"an event cannot be decoded: {error} in {line[:200]!r}") from error
    if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
        raise BodyError(f"not an event: {line[:200]!r}")
    return event


def _said(answer: object) -> str:
    """Quote what a Status says, or whatever else has a message."""
    message = answer.get("message") if isinstance(answer, dict) else None
    return f": {message}" if isinstance(message, str) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
