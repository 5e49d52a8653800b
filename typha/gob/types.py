"""Descriptions of types as gob streams carry them, and how the descriptions describe themselves.

Knows no bytes.  A type is known by an id that the sender chose; ids below 64 are gob's own.
"""

import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple, assert_never

from typha.gob.errors import DecodeError

FIRST_FREE_ID: Final = 64
LAST_ID: Final = 2**31 - 1  # Go keeps ids in 32 bits


class Builtin(IntEnum):
    """Ids of the types that need no definition."""

    BOOL = 1
    INT = 2
    UINT = 3
    FLOAT = 4
    BYTES = 5
    STRING = 6
    COMPLEX = 7
    INTERFACE = 8


class Marshaller(IntEnum):
    """Which of Go's three interfaces turns an opaque value into bytes (as field of wireType)."""

    GOB = 4
    BINARY = 5
    TEXT = 6


class Field(NamedTuple):
    """One field of a struct; its place in the list is its number on the wire."""

    name: str
    type_id: int


@dataclass(frozen=True, slots=True)
class StructType:
    """Values are dicts that hold only the fields which were sent."""

    name: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class SliceType:
    """Values are lists."""

    name: str
    element: int


@dataclass(frozen=True, slots=True)
class ArrayType:
    """Values are lists of exactly `length` elements."""

    name: str
    element: int
    length: int


@dataclass(frozen=True, slots=True)
class MapType:
    """Values are lists of pairs, because keys may be anything."""

    name: str
    key: int
    element: int


@dataclass(frozen=True, slots=True)
class OpaqueType:
    """Values are the bytes that the type's own marshaller made."""

    name: str
    marshaller: Marshaller = Marshaller.GOB


WireType = StructType | SliceType | ArrayType | MapType | OpaqueType


class Interface(NamedTuple):
    """What an interface held: the registered name, the type's id in this stream, the value."""

    name: str
    type_id: int
    value: Any


# Ids of the self-description.  gobEncoderType has none that matters, so it gets a free one.
WIRE_TYPE: Final = 16
_ARRAY, _COMMON, _SLICE, _STRUCT, _FIELD, _FIELDS, _MAP, _OPAQUE = 17, 18, 19, 20, 21, 22, 23, 24
_WITH_COMMON: Final = Field("CommonType", _COMMON)

SELF_DESCRIPTION: Final[dict[int, WireType]] = {
    WIRE_TYPE: StructType(
        "wireType",
        (
            Field("ArrayT", _ARRAY),
            Field("SliceT", _SLICE),
            Field("StructT", _STRUCT),
            Field("MapT", _MAP),
            Field("GobEncoderT", _OPAQUE),
            Field("BinaryMarshalerT", _OPAQUE),
            Field("TextMarshalerT", _OPAQUE),
        ),
    ),
    _ARRAY: StructType(
        "arrayType",
        (_WITH_COMMON, Field("Elem", Builtin.INT), Field("Len", Builtin.INT)),
    ),
    _COMMON: StructType("CommonType", (Field("Name", Builtin.STRING), Field("Id", Builtin.INT))),
    _SLICE: StructType("sliceType", (_WITH_COMMON, Field("Elem", Builtin.INT))),
    _STRUCT: StructType("structType", (_WITH_COMMON, Field("Field", _FIELDS))),
    _FIELD: StructType("fieldType", (Field("Name", Builtin.STRING), Field("Id", Builtin.INT))),
    _FIELDS: SliceType("[]fieldType", _FIELD),
    _MAP: StructType(
        "mapType",
        (_WITH_COMMON, Field("Key", Builtin.INT), Field("Elem", Builtin.INT)),
    ),
    _OPAQUE: StructType("gobEncoderType", (_WITH_COMMON,)),
}
_MARSHALLERS: Final = {
    Marshaller.GOB: "GobEncoderT",
    Marshaller.BINARY: "BinaryMarshalerT",
    Marshaller.TEXT: "TextMarshalerT",
}


def to_wire(type_id: int, definition: WireType) -> dict[str, Any]:
    """Return the wireType value that defines `type_id`."""
    common = {"Name": definition.name, "Id": type_id}
    match definition:
        case StructType():
            fields = [{"Name": name, "Id": field_type} for name, field_type in definition.fields]
            return {"StructT": {"CommonType": common, "Field": fields}}
        case SliceType():
            return {"SliceT": {"CommonType": common, "Elem": definition.element}}
        case ArrayType():
            shape = {"Elem": definition.element, "Len": definition.length}
            return {"ArrayT": {"CommonType": common, **shape}}
        case MapType():
            shape = {"Key": definition.key, "Elem": definition.element}
            return {"MapT": {"CommonType": common, **shape}}
        case OpaqueType():
            return {_MARSHALLERS[definition.marshaller]: {"CommonType": common}}
        case _:
            assert_never(definition)


def from_wire(value: dict[str, Any]) -> WireType:
    """Return the definition that a wireType value holds; raise DecodeError if it holds none."""
    if len(value) != 1:
        raise DecodeError(f"a type definition of {len(value)} kinds at once")
    ((kind, shape),) = value.items()
    # Interned, as every connection brings the same names.
    name = sys.intern(shape.get("CommonType", {}).get("Name", ""))
    match kind:
        case "StructT":
            members = shape.get("Field", ())
            fields = (Field(sys.intern(f.get("Name", "")), f.get("Id", 0)) for f in members)
            return StructType(name, tuple(fields))
        case "SliceT":
            return SliceType(name, shape.get("Elem", 0))
        case "ArrayT":
            return ArrayType(name, shape.get("Elem", 0), shape.get("Len", 0))
        case "MapT":
            return MapType(name, shape.get("Key", 0), shape.get("Elem", 0))
        case _:
            return OpaqueType(name, next(m for m, text in _MARSHALLERS.items() if text == kind))
