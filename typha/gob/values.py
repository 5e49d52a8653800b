"""What one gob message says, given the types that its stream has defined.  Knows no framing.

Go weaves type definitions into values: a value message may end with a definition inside an
interface, further definitions follow as messages of their own, and a last one goes on where the
first stopped.  With the definitions taken out, the pieces are one message.

All clients of a release define the same types in the same order.  So what is known of types is
never changed, only replaced, and streams share it; and what a short message says where the same is
known is remembered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from typha.gob import types
from typha.gob.cursor import Cursor
from typha.gob.errors import DecodeError, LimitError, TruncatedError
from typha.gob.types import Builtin, Interface

MAX_NAME_BYTES: Final = 1024  # Go refuses longer names in interfaces
REMEMBERED_MESSAGES: Final = 256  # a dozen for each release of clients
REMEMBERED_BYTES: Final = 512  # of a message, with what came before it of its value
NO_VALUE: Final = object()  # a message that only defines something, or has a part of a value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # told apart without looking inside
class Limits:
    """What one sender may make us spend."""

    message_bytes: int = 1 << 20  # all messages of one value together
    values: int = 10_000  # in one value, those read anew counted again
    depth: int = 32
    definitions: int = 256  # in one stream; a real client sends six
    definition_bytes: int = 64 << 10  # in one stream


DEFAULT_LIMITS: Final = Limits()

# What needs neither definitions nor further messages.
_PRIMITIVES: Final[dict[int, Callable[[Cursor], Any]]] = {
    Builtin.BOOL: Cursor.read_bool,
    Builtin.INT: Cursor.read_int,
    Builtin.UINT: Cursor.read_uint,
    Builtin.FLOAT: Cursor.read_float,
    Builtin.BYTES: Cursor.read_bytes,
    Builtin.STRING: Cursor.read_text,
    Builtin.COMPLEX: Cursor.read_complex,
}


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Known:
    """The types that a stream has defined, by their ids; streams that did it alike share one."""

    definitions: Mapping[int, types.WireType]
    definition_bytes: int


NOTHING_KNOWN: Final = Known({}, 0)


class Outcome(NamedTuple):
    """What a message came to."""

    known: Known  # from now on
    begun: bytes  # a value that goes on in the next message, without definitions; b"" for none
    value: Any  # or NO_VALUE
    values: int  # read, as the limit counts them
    opaque: tuple[tuple[int, bytes], ...]  # in the value, and where in the message they start


class _MoreMessagesNeededError(Exception):
    """A value goes on in a message that has not arrived."""


def read(known: Known, begun: bytes, message: bytes, limits: Limits) -> Outcome:
    """Read a message behind what has `begun` of its value; raises DecodeError."""
    if not message:
        raise TruncatedError("an empty message")
    if len(begun) + len(message) > REMEMBERED_BYTES:
        return _Reader(known, limits).read(begun + message)
    return _remembered(known, begun, message, limits)


@lru_cache(maxsize=REMEMBERED_MESSAGES)
def _remembered(known: Known, begun: bytes, message: bytes, limits: Limits) -> Outcome:
    return _Reader(known, limits).read(begun + message)


class _Reader:
    """Reads one message."""

    __slots__ = ("_cursor", "_definition_bytes", "_definitions", "_known", "_limits", "_passed")

    def __init__(self, known: Known, limits: Limits) -> None:
        self._known = known
        self._limits = limits
        self._cursor = Cursor(limits.depth, limits.values)
        self._definitions = known.definitions
        self._definition_bytes = known.definition_bytes
        self._passed: list[tuple[int, bytes]] = []

    def read(self, message: bytes) -> Outcome:
        cursor = self._cursor
        cursor.open(message)
        begun = b""
        try:
            value = self._top_level()
        except _MoreMessagesNeededError:
            value, begun = NO_VALUE, cursor.data
        if cursor.remaining:
            raise DecodeError(f"{cursor.remaining} bytes too many in a message")
        known = self._known
        if self._definitions is not known.definitions:
            known = Known(self._definitions, self._definition_bytes)
        spent = self._limits.values - cursor.values
        return Outcome(known, begun, value, spent, tuple(self._passed))

    def _top_level(self) -> Any:
        type_id = self._cursor.read_int()
        if type_id < 0:
            self._receive_definition(-type_id)
            return NO_VALUE
        return self._alone(type_id)

    def _alone(self, type_id: int) -> Any:
        """Read a value outside slices and fields."""
        if not isinstance(self._definitions.get(type_id), types.StructType):
            self._cursor.read_zero()
        return self._value(type_id)

    def _value(self, type_id: int) -> Any:
        read = _PRIMITIVES.get(type_id)
        if read is not None:
            return read(self._cursor)
        if type_id == Builtin.INTERFACE:
            return self._interface()
        return self._composite(type_id)

    def _composite(self, type_id: int) -> Any:
        match self._definitions.get(type_id) or types.SELF_DESCRIPTION.get(type_id):
            case types.StructType(fields=fields):
                return self._struct(fields)
            case types.SliceType(element=element):
                return self._elements(element, None)
            case types.ArrayType(element=element, length=length):
                return self._elements(element, length)
            case types.MapType(key=key, element=element):
                return self._pairs(key, element)
            case types.OpaqueType():
                return self._opaque()
            case None:
                raise DecodeError(f"type {type_id} is used but not defined")

    def _opaque(self) -> bytes:
        value = self._cursor.read_bytes()
        self._passed.append((self._cursor.offset - len(value), value))
        return value

    def _interface(self) -> Interface | None:
        cursor = self._cursor
        name = cursor.read_text()
        if not name:
            return None
        if len(name) > MAX_NAME_BYTES:
            raise LimitError(f"a type name of {len(name)} characters")
        type_id = self._concrete_type()
        cursor.read_uint()  # a byte count that is wrong whenever definitions are woven in
        cursor.enter()
        value = self._alone(type_id)
        cursor.leave()
        return Interface(name, type_id, value)

    def _concrete_type(self) -> int:
        """Take definitions out, up to the id of a value."""
        cursor = self._cursor
        while cursor.remaining:
            start = cursor.offset
            type_id = cursor.read_int()
            if type_id >= 0:
                return type_id
            self._receive_definition(-type_id)
            if cursor.remaining:
                cursor.read_uint()  # how long the next piece is, which needs no knowing
            cursor.cut(start)
        raise _MoreMessagesNeededError

    def _receive_definition(self, type_id: int) -> None:
        cursor = self._cursor
        start = cursor.offset
        definition = types.from_wire(self._value(types.WIRE_TYPE))
        self._definition_bytes += cursor.offset - start
        known = self._definitions
        if not types.FIRST_FREE_ID <= type_id <= types.LAST_ID or type_id in known:
            raise DecodeError(f"type {type_id} is defined twice or reserved")
        if len(known) >= self._limits.definitions:
            raise LimitError(f"more than {self._limits.definitions} type definitions")
        if self._definition_bytes > self._limits.definition_bytes:
            raise LimitError(f"type definitions of {self._definition_bytes} bytes")
        self._definitions = {**known, type_id: definition}

    def _struct(self, fields: tuple[types.Field, ...]) -> dict[str, Any]:
        cursor = self._cursor
        cursor.enter()
        values = {}
        index = -1
        while delta := cursor.read_uint():
            index += delta
            if index >= len(fields):
                raise DecodeError(f"field {index} in a struct of {len(fields)}")
            name, type_id = fields[index]
            read_primitive = _PRIMITIVES.get(type_id)
            values[name] = read_primitive(cursor) if read_primitive else self._value(type_id)
        cursor.spend(index + 1)
        cursor.leave()
        return values

    def _elements(self, type_id: int, length: int | None) -> list[Any]:
        cursor = self._cursor
        cursor.enter()
        count = cursor.read_count()
        if length is not None and count != length:
            raise DecodeError(f"{count} elements in an array of {length}")
        values = [self._value(type_id) for _ in range(count)]
        cursor.leave()
        return values

    def _pairs(self, key: int, element: int) -> list[tuple[Any, Any]]:
        cursor = self._cursor
        cursor.enter()
        count = cursor.read_count(size=2)
        values = [(self._value(key), self._value(element)) for _ in range(count)]
        cursor.leave()
        return values
