"""A saved copy of etcd's keys, read as what a list would have delivered.

Two forms are read: what `etcdctl get /calico --prefix -w json` prints, whose keys and values are
in base64, and a plain one: `{"revision": 56, "keys": [{"key", "value", "mod_revision"}, …]}`.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import orjson

from typha.datastore import ports
from typha.datastore.etcd import codec, kinds
from typha.datastore.etcd.kinds import ForeignKeyError, Kind
from typha.model.resources import JsonObject


class DumpError(ValueError):
    """The bytes are not a dump; the text says what is wrong with which entry."""


def is_dump(data: bytes) -> bool:
    """Tell whether a file's contents are a dump of etcd's keys, in either form."""
    try:
        decoded = orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return isinstance(decoded, dict) and any(_lists(decoded))


def read_dump(data: bytes) -> dict[str, list[JsonObject]]:
    """Return the objects of each resource that a syncer is made from; other keys are passed over.

    A value that is not JSON becomes an object that its reader refuses.  Raises DumpError.
    """
    try:
        entries = [*_entries(orjson.loads(data))]
    except orjson.JSONDecodeError as error:
        raise DumpError(f"not JSON: {error}") from error
    return {resource: [*_objects(kind, entries)] for resource, kind in kinds.KINDS.items()}


def _lists(decoded: JsonObject) -> Iterator[bool]:
    """Tell of each form whether the dump has its list."""
    yield isinstance(decoded.get("keys"), list)
    yield "header" in decoded and isinstance(decoded.get("kvs"), list)


def _entries(decoded: Any) -> Iterator[codec.Entry]:
    if not isinstance(decoded, dict) or not any(_lists(decoded)):
        raise DumpError('neither "keys" nor "kvs" is a list')
    plain = isinstance(decoded.get("keys"), list)
    for number, each in enumerate(decoded["keys"] if plain else decoded["kvs"]):
        try:
            key, value, revision = each["key"], each.get("value") or "", each["mod_revision"]
            decode = str.encode if plain else _from_base64
            yield codec.Entry(decode(key), decode(value), int(revision))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DumpError(f"entry {number}: {type(error).__name__}: {error}") from error


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{text[:60]!r} is not base64: {error}") from error


def _objects(kind: Kind, entries: list[codec.Entry]) -> Iterator[JsonObject]:
    prefix = kind.prefix.encode()
    for entry in entries:
        if not entry.key.startswith(prefix):
            continue
        try:
            found = kind.reading(entry)
        except ForeignKeyError:
            continue
        if isinstance(found, ports.Undecodable):
            text = entry.value.decode(errors="replace")
            found = kinds.envelope(found.namespace, found.name, entry.mod_revision, text)
        yield found
