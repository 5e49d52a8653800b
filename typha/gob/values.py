"""The types that one gob stream has defined, and how to read a value of each.  Knows no framing.

Go weaves type definitions into values: a value message may end with a definition inside an
interface, further definitions follow as messages of their own, and a last one goes on where the
first stopped.  A value whose messages have not all arrived is decoded anew when more of them have.

All clients of a release send the same definitions, so what the bytes of one mean is remembered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from typha.gob import types
from typha.gob.cursor import Cursor
from typha.gob.errors import DecodeError, LimitError
from typha.gob.types import Builtin, Interface

MAX_NAME_BYTES: Final = 1024  # Go refuses longer names in interfaces
REMEMBERED_DEFINITIONS: Final = 256
REMEMBERED_BYTES: Final = 512  # of a definition and what follows it in its message
DEFINITION: Final = object()  # what a message held that carried no value


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one sender may make us spend."""

    message_bytes: int = 1 << 20  # all messages of one value together
    values: int = 10_000  # in one message
    depth: int = 32
    definitions: int = 256  # in one stream; a real client sends six
    definition_bytes: int = 64 << 10  # in one stream


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


class MoreMessagesNeededError(Exception):
    """A value goes on in a message that has not arrived."""


class Values:
    """The types of one stream, and how to read a value of each."""

    __slots__ = (
        "_cursor",
        "_definition_bytes",
        "_definitions",
        "_kept",
        "_limits",
        "_more",
        "has_defined",
        "opaque",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._cursor = Cursor(limits.depth, limits.values)
        self._definition_bytes = 0
        self._definitions: dict[int, types.WireType] = {}
        self._kept: list[bytes] = []  # messages behind the one that is read
        self._more: Callable[[], bytes | None] = lambda: None
        self.has_defined = False  # something, in what was read last
        self.opaque: list[tuple[int, bytes]] = []  # values, and where in the message they start

    def read(self, messages: list[bytes], more: Callable[[], bytes | None]) -> Any:
        """Read what these messages and `more` of them hold: one value, or `DEFINITION`.

        Raises MoreMessagesNeededError when the value goes on; what was defined inside is then
        forgotten, as it comes again with the next attempt.  What was spent stays spent.
        """
        cursor = self._cursor
        cursor.depth = self._limits.depth
        if len(messages) == 1:
            cursor.values = self._limits.values
        known, definition_bytes = len(self._definitions), self._definition_bytes
        self.opaque.clear()
        self._kept = messages[1:]
        self._more = more
        cursor.open(messages[0])
        try:
            value = self._top_level()
        except MoreMessagesNeededError:
            self._forget(known)
            self._definition_bytes = definition_bytes
            raise
        if cursor.remaining:
            raise DecodeError(f"{cursor.remaining} bytes too many in a message")
        self.has_defined = len(self._definitions) > known
        return value

    def _top_level(self) -> Any:
        type_id = self._cursor.read_int()
        if type_id < 0:
            self._receive_definition(-type_id)
            return DEFINITION
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
        self.opaque.append((self._cursor.offset - len(value), value))
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
        """Read definitions, over as many messages as they take, up to the id of a value."""
        cursor = self._cursor
        while True:
            if not cursor.remaining:
                message = self._kept.pop(0) if self._kept else self._more()
                if message is None:
                    raise MoreMessagesNeededError
                cursor.open(message)
            type_id = cursor.read_int()
            if type_id >= 0:
                return type_id
            self._receive_definition(-type_id)
            if cursor.remaining:
                cursor.read_uint()  # how long the next piece is, which needs no knowing

    def _receive_definition(self, type_id: int) -> None:
        cursor = self._cursor
        definition, size = _definition_in(cursor.data[cursor.offset :])
        cursor.offset += size
        self._definition_bytes += size
        if not types.FIRST_FREE_ID <= type_id <= types.LAST_ID or type_id in self._definitions:
            raise DecodeError(f"type {type_id} is defined twice or reserved")
        if len(self._definitions) >= self._limits.definitions:
            raise LimitError(f"more than {self._limits.definitions} type definitions")
        if self._definition_bytes > self._limits.definition_bytes:
            raise LimitError(f"type definitions of {self._definition_bytes} bytes")
        self._definitions[type_id] = definition

    def _forget(self, known: int) -> None:
        while len(self._definitions) > known:
            self._definitions.popitem()

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
            values[name] = self._value(type_id)
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

    def read_definition(self, data: bytes) -> tuple[types.WireType, int]:
        """Read the definition that these bytes begin with, and how many of them it takes."""
        self._cursor.open(data)
        definition = types.from_wire(self._value(types.WIRE_TYPE))
        return definition, self._cursor.offset


def _definition_in(data: bytes) -> tuple[types.WireType, int]:
    if len(data) > REMEMBERED_BYTES:
        return Values(Limits()).read_definition(data)
    return _remembered_definition(data)


@lru_cache(maxsize=REMEMBERED_DEFINITIONS)
def _remembered_definition(data: bytes) -> tuple[types.WireType, int]:
    return Values(Limits()).read_definition(data)
