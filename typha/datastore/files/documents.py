"""Bytes of a manifest file to the documents in it: YAML or JSON, read as kubectl reads them.

Input is hostile: size, depth and what aliases expand to are bounded, no tag makes anything but
JSON values, and one broken document never hides the others.  Knows no object and no folder.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import yaml

from typha.datastore.files import scalars

MAX_BYTES: Final = 512 * 1024 * 1024  # a saved list of 100,000 pods
MAX_DEPTH: Final = 200  # below what the JSON encoder refuses; no object comes near
MAX_ALIASED_NODES: Final = 100_000  # per document; each alias counts as all it stands for
_CHARACTERS_OF_A_NODE: Final = 32  # so that long texts count as well

_NOT_BLANK: Final = re.compile(r"\S")
_MARKER: Final = re.compile(r"^(?:---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
_COLLECTION_TAGS: Final = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """One document: a JSON value, the line it begins on, and those of the mappings in it."""

    value: Any
    line: int
    starts: dict[int, int] = field(default_factory=dict)  # id(mapping) -> line

    def line_of(self, value: object) -> int:
        """Say where `value` begins; where that is not known, where the document does."""
        return self.starts.get(id(value), self.line)


@dataclass(frozen=True, slots=True)
class Flaw:
    """A document that cannot be read: where, and why."""

    line: int
    reason: str


class _BrokenError(Exception):
    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.flaw = Flaw(line, reason)


def read(content: bytes, *, is_json: bool) -> Iterator[Document | Flaw]:
    """Give the documents of one file in order, with a flaw in the place of each broken one."""
    if len(content) > MAX_BYTES:
        yield Flaw(1, f"larger than {MAX_BYTES} bytes")
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield Flaw(content.count(b"\n", 0, error.start) + 1, "not UTF-8")
        return
    yield from _json_documents(text) if is_json else _yaml_documents(text)


def _json_documents(text: str) -> Iterator[Document | Flaw]:
    try:
        yield Document(orjson.loads(text), 1)
    except orjson.JSONDecodeError:
        # Slow, but it takes several documents one after the other, and names the line.
        yield from _json_stream(text)


def _json_stream(text: str) -> Iterator[Document | Flaw]:
    decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
    line, counted = 1, 0
    position = 0
    while found := _NOT_BLANK.search(text, position):
        position = found.start()
        line, counted = line + text.count("\n", counted, position), position
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            yield Flaw(error.lineno, error.msg)
            return
        except ValueError as error:
            yield Flaw(line, str(error))
            return
        except RecursionError:
            yield Flaw(line, "nested too deep")
            return
        yield Document(value, line)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is larger than any number")
    return number


def _yaml_documents(text: str) -> Iterator[Document | Flaw]:
    for line, part in _parts(text):
        try:
            yield from _parse(part, line)
        except _BrokenError as broken:
            yield broken.flaw
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = line + mark.line if mark else line
            yield Flaw(where, " ".join(filter(None, (error.context, error.problem))))
        except yaml.YAMLError as error:
            yield Flaw(line, str(error).partition("\n")[0])


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Cut at the markers between documents, which are such even inside a block of text."""
    line, start = 1, 0
    for marker in (*_MARKER.finditer(text), None):
        part = text[start : marker.start() if marker else len(text)]
        if not _is_blank(part):
            yield line, part
        line += part.count("\n")
        if marker:
            start = marker.end()


def _is_blank(part: str) -> bool:
    return all(not line or line[0] in "#%" for line in map(str.strip, part.splitlines()))


@dataclass(slots=True)
class _Open:
    """A mapping or sequence that has not ended yet."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    line: int
    size: int = 1
    key: str | None = None  # of the mapping's next value
    merged: list[Any] = field(default_factory=list)  # values of `<<`
    merging: bool = False


class _Builder:
    """Builds one document from the parser's events, without recursion."""

    def __init__(self, first_line: int) -> None:
        self.first_line = first_line
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.aliased = 0
        self.starts: dict[int, int] = {}
        self.documents: list[Document] = []

    def take(self, event: yaml.Event) -> None:
        assert event.start_mark is not None  # the parser sets it
        line = self.first_line + event.start_mark.line
        match event:
            case yaml.ScalarEvent():
                self.add_scalar(event, line)
            case yaml.AliasEvent():
                self.add_alias(str(event.anchor), line)
            case yaml.CollectionStartEvent():
                self.begin(event, line)
            case yaml.CollectionEndEvent():
                self.finish()

    def begin(self, event: yaml.CollectionStartEvent, line: int) -> None:
        if len(self.open) >= MAX_DEPTH:
            raise _BrokenError(line, f"nested deeper than {MAX_DEPTH}")
        if event.tag not in _COLLECTION_TAGS:
            raise _BrokenError(line, f"tag {event.tag} is not supported")
        if self.open and self.at_key(self.open[-1]):
            raise _BrokenError(line, "a key must be a single word or text")
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.open.append(_Open(value, event.anchor, line))

    def finish(self) -> None:
        ended = self.open.pop()
        if isinstance(ended.value, dict):
            _merge(ended)
            self.starts[id(ended.value)] = ended.line
        if ended.anchor:
            self.anchors[ended.anchor] = (ended.value, ended.size)
        self.add(ended.value, ended.size, ended.line)

    def add_scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        if self.open and self.at_key(self.open[-1]) and _is_merge(event):
            self.open[-1].merging = True
            self.open[-1].key = "<<"
            return
        value = self.scalar(event, line)
        size = 1 + len(event.value) // _CHARACTERS_OF_A_NODE
        if event.anchor:
            self.anchors[event.anchor] = (value, size)
        self.add(value, size, line)

    @staticmethod
    def scalar(event: yaml.ScalarEvent, line: int) -> Any:
        try:
            return scalars.resolve(event.value, event.tag, plain=event.implicit[0])
        except ValueError as error:
            raise _BrokenError(line, str(error)) from error

    def add_alias(self, name: str, line: int) -> None:
        if name not in self.anchors:
            raise _BrokenError(line, f"alias {name} stands for nothing that is complete before it")
        value, size = self.anchors[name]
        self.aliased += size
        if self.aliased > MAX_ALIASED_NODES:
            raise _BrokenError(line, f"aliases expand to more than {MAX_ALIASED_NODES} values")
        self.add(value, size, line)

    def add(self, value: Any, size: int, line: int) -> None:
        if not self.open:
            self.documents.append(Document(value, self.first_line, self.starts))
            return
        parent = self.open[-1]
        parent.size += size
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.key is None:
            parent.key = _key(value, line)
        elif parent.merging:
            parent.merged += value if isinstance(value, list) else [value]
            parent.key, parent.merging = None, False
        else:
            parent.value[parent.key] = value
            parent.key = None

    @staticmethod
    def at_key(parent: _Open) -> bool:
        return isinstance(parent.value, dict) and parent.key is None


def _parse(part: str, line: int) -> list[Document]:
    builder = _Builder(line)
    for event in yaml.parse(part, Loader=_LOADER):
        builder.take(event)
    return builder.documents


def _merge(mapping: _Open) -> None:
    for other in mapping.merged:
        if not isinstance(other, dict):
            raise _BrokenError(mapping.line, "only mappings can be merged with <<")
        for key, value in other.items():
            mapping.value.setdefault(key, value)  # type: ignore[union-attr]  # a dict: it has <<


def _is_merge(event: yaml.ScalarEvent) -> bool:
    return bool(event.implicit[0] and event.value == "<<")


def _key(value: Any, line: int) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            raise _BrokenError(line, "a key must be a single word or text")
