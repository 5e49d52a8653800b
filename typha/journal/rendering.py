"""The same changes as clients of one dialect are told them."""

from collections.abc import Iterable, Iterator

from typha.gob import varint
from typha.journal import dialects
from typha.syncproto.messages import Dialect

Keyed = tuple[str, bytes]  # a key, and the element that carries it


def rendered(changes: Iterable[Keyed], dialect: Dialect) -> Iterable[Keyed]:
    """Give (key, element) pairs in a dialect: spelt anew where that differs, or left out."""
    return changes if dialect is Dialect.MODERN else _respelt(changes, dialect)


def _respelt(changes: Iterable[Keyed], dialect: Dialect) -> Iterator[Keyed]:
    for key, element in changes:
        spelling = dialects.spell(key, dialect)
        if spelling == key:
            yield key, element
        elif spelling is not None:
            yield spelling, _rewritten(element, key, spelling, dialect)


def _rewritten(element: bytes, key: str, spelling: str, dialect: Dialect) -> bytes:
    """Exchange the key, and the value where the dialect has another, in an element of ours."""
    size, start = varint.decode_uint(element, 1)
    rest = element[start + size :]
    if rest[0] == 1:  # the next field is there: a value
        size, start = varint.decode_uint(rest, 1)
        value = dialects.value_for(key, rest[start : start + size], dialect)
        rest = b"\x01" + varint.encode_uint(len(value)) + value + rest[start + size :]
    name = spelling.encode()
    return b"\x01" + varint.encode_uint(len(name)) + name + rest
