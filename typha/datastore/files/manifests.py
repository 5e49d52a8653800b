"""One manifest file to the watched objects in it, with what is wrong named by file and line.

Takes single objects, `List`, typed lists (`PodList`), and saved answers of the API: an object
whose keys are API paths and whose values are lists.  A broken object never hides its neighbours.
Pure: bytes come in; knows no folder and no other file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from typha.datastore.files import documents
from typha.datastore.k8s import kinds
from typha.model import encoding
from typha.model.resources import JsonObject

MAX_LISTS_IN_LISTS: Final = 8


class Identity(NamedTuple):
    """What makes an object the same object, wherever it stands."""

    resource: str
    namespace: str
    name: str

    @property
    def text(self) -> str:
        """Name the object in a message."""
        return f"{self.resource} {self.namespace}/{self.name}".replace(" /", " ")


@dataclass(frozen=True, slots=True)
class Found:
    """One object of a resource that is watched, and the line it begins on."""

    identity: Identity
    object: JsonObject
    line: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that could not be taken."""

    path: str
    line: int
    reason: str

    @property
    def text(self) -> str:
        """Say it all in a line that can be shown, whatever halves of characters it has."""
        return encoding.whole_characters(f"{self.path}:{self.line}: {self.reason}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one file holds."""

    found: tuple[Found, ...] = ()
    problems: tuple[Problem, ...] = ()
    ignored: tuple[str, ...] = ()  # the objects that nobody watches, by kind and name
    whole: bool = True  # every document could be parsed


@dataclass(frozen=True, slots=True)
class _Context:
    """What a list says of its items that they may leave unsaid."""

    api_version: str = ""
    kind: str = ""
    depth: int = 0


class _BadObjectError(Exception):
    """The object cannot be taken."""


def read(path: str, content: bytes) -> Manifest:
    """Give every object of the file; `path` is its name, for messages and to tell its format."""
    found: list[Found] = []
    problems: list[Problem] = []
    ignored: list[str] = []
    whole = True
    for document in documents.read(content, is_json=path.endswith(".json")):
        if isinstance(document, documents.Flaw):
            whole = False
            problems.append(Problem(path, document.line, document.reason))
            continue
        for value, context, place in _unpack(document.value, _Context(), ""):
            line = document.line_of(value)
            try:
                if (one := _take(value, context, line)) is not None:
                    found.append(one)
                else:
                    ignored.append(_describe(value, context))
            except _BadObjectError as error:
                reason = f"{place.lstrip('.')}: {error}" if place else str(error)
                problems.append(Problem(path, line, reason))
    return Manifest(tuple(found), tuple(problems), tuple(ignored), whole)


def _unpack(value: Any, context: _Context, place: str) -> Iterator[tuple[Any, _Context, str]]:
    """Go through lists to single objects; `place` says where in the document each was."""
    if value is None and not place:
        return  # an empty document
    inner = context.depth + 1
    if not isinstance(value, dict) or inner > MAX_LISTS_IN_LISTS:
        yield value, context, place
    elif value and "kind" not in value and all(key.startswith("/") for key in value):
        for path, answer in value.items():
            kind = kinds.BY_PATH.get(path)
            given = _Context(_version_of(path), kind.kind if kind else "", inner)
            yield from _unpack_answer(answer, given, f"{place}[{path}]")
    elif _is_list(value):
        yield from _items(value, _context_of_items(value, inner), place)
    else:
        yield value, context, place


def _unpack_answer(
    answer: Any, given: _Context, place: str
) -> Iterator[tuple[Any, _Context, str]]:
    if isinstance(answer, list):
        yield from _items({"items": answer}, given, place)
    elif isinstance(answer, dict) and isinstance(answer.get("items", []), list | None):
        stated = _context_of_items(answer, given.depth)
        merged = _Context(
            stated.api_version or given.api_version, given.kind or stated.kind, given.depth
        )
        yield from _items(answer, merged, place)
    else:
        yield answer, given, place


def _items(
    value: JsonObject, context: _Context, place: str
) -> Iterator[tuple[Any, _Context, str]]:
    for index, item in enumerate(value.get("items") or ()):
        where = f"{place}.items[{index}]"
        if item is None:
            yield item, context, where
        else:
            yield from _unpack(item, context, where)


def _is_list(value: JsonObject) -> bool:
    kind = value.get("kind")
    return (
        isinstance(kind, str)
        and kind.endswith("List")
        and isinstance(value.get("items", []), list | None)
    )


def _context_of_items(value: JsonObject, depth: int) -> _Context:
    kind, version = value.get("kind"), value.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(version, str) or kind == "List":
        return _Context(depth=depth)
    return _Context(version, kind.removesuffix("List"), depth)


def _version_of(path: str) -> str:
    """`/apis/G/V/plural` is of G/V, `/api/V/plural` of V."""
    return path.removeprefix("/apis/").removeprefix("/api/").rpartition("/")[0]


def _take(value: Any, context: _Context, line: int) -> Found | None:
    """Check what everybody relies on; None if nobody watches the object's resource."""
    if not isinstance(value, dict):
        raise _BadObjectError("not an object")
    api_version = value.get("apiVersion") or context.api_version
    kind = value.get("kind") or context.kind
    if not isinstance(api_version, str) or not isinstance(kind, str) or not (kind and api_version):
        raise _BadObjectError("apiVersion and kind must be given")
    row = kinds.BY_TYPE.get((api_version, kind))
    if row is None:
        return None
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        raise _BadObjectError("metadata is missing")
    identity = Identity(row.name, _namespace(row, metadata), _name(metadata))
    _check_encodable(value)
    if "apiVersion" not in value or "kind" not in value:
        value = {"apiVersion": api_version, "kind": kind, **value}
    return Found(identity, value, line)


def _check_encodable(value: JsonObject) -> None:
    """Refuse what could not be sent: nested without end, or with text that is none."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise _BadObjectError(str(error)) from error


def _name(metadata: JsonObject) -> str:
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise _BadObjectError("metadata.name must be text and not empty")
    return name


def _namespace(row: kinds.Kind, metadata: JsonObject) -> str:
    namespace = metadata.get("namespace")
    if not isinstance(namespace, str | None):
        raise _BadObjectError("metadata.namespace must be text")
    return (namespace or "default") if row.namespaced else ""


def _describe(value: JsonObject, context: _Context) -> str:
    metadata = value.get("metadata")
    name = metadata.get("name", "") if isinstance(metadata, dict) else ""
    return f"{value.get('kind') or context.kind} {name}".rstrip()
