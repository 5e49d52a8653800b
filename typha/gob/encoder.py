"""Values to gob bytes, for types that are given by hand.  Knows no message.

Definitions and values come out as whole length-prefixed messages.  Definitions are always sent
ahead of the values (Go weaves them in), which every decoder of Go takes.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, assert_never

from typha.gob import types, varint
from typha.gob.errors import EncodeError
from typha.gob.types import Builtin, Interface


class Encoder:
    """Encodes values of a fixed set of types.

    A struct is a mapping (missing fields are zero), a slice or array a sequence, a map pairs, an
    opaque value its bytes, an interface None or an Interface.  Raises EncodeError for a value of
    another shape.
    """

    def __init__(self, definitions: Mapping[int, types.WireType]) -> None:
        self._types = {**types.SELF_DESCRIPTION, **definitions}

    def definition(self, type_id: int) -> bytes:
        """Return the message that defines `type_id`."""
        wire_type = types.to_wire(type_id, self._types[type_id])
        return _delimited(varint.encode_int(-type_id) + self.payload(types.WIRE_TYPE, wire_type))

    def message(self, type_id: int, value: Any) -> bytes:
        """Return the message that carries one value at top level."""
        return _delimited(varint.encode_int(type_id) + self._alone(type_id, value))

    def payload(self, type_id: int, value: Any) -> bytes:
        """Return the bare encoding of a value, as it stands inside a slice."""
        try:
            if simple := _BUILTIN.get(type_id):
                return simple(value)
            if type_id == Builtin.INTERFACE:
                return self._interface(value)
            return self._composite(self._types[type_id], value)
        except KeyError as error:
            raise EncodeError(f"type {type_id} is not defined") from error
        except (TypeError, AttributeError, ValueError, UnicodeError, struct.error) as error:
            raise EncodeError(f"{value!r:.60} is no value of type {type_id}") from error

    def _composite(self, definition: types.WireType, value: Any) -> bytes:
        match definition:
            case types.StructType():
                return self._struct(definition, value)
            case types.SliceType():
                return self._elements(definition.element, value)
            case types.ArrayType():
                if len(value) != definition.length:
                    raise EncodeError(f"{len(value)} elements for an array of {definition.length}")
                return self._elements(definition.element, value)
            case types.MapType():
                pairs = (
                    self.payload(definition.key, key) + self.payload(definition.element, item)
                    for key, item in value
                )
                return varint.encode_uint(len(value)) + b"".join(pairs)
            case types.OpaqueType():
                return _delimited(value)
            case _:
                assert_never(definition)

    def _elements(self, type_id: int, values: Any) -> bytes:
        elements = b"".join(self.payload(type_id, value) for value in values)
        return varint.encode_uint(len(values)) + elements

    def _struct(self, definition: types.StructType, values: Mapping[str, Any]) -> bytes:
        parts: list[bytes] = []
        previous = -1
        for index, (name, type_id) in enumerate(definition.fields):
            value = values.get(name)
            if self._is_omitted(type_id, value):
                continue
            parts += varint.encode_uint(index - previous), self.payload(type_id, value)
            previous = index
        return b"".join(parts) + b"\0"

    def _is_omitted(self, type_id: int, value: Any) -> bool:
        if value is None:
            return True
        definition = self._types.get(type_id)
        # An empty map is not a nil one, and arrays, structs and marshalled bytes are always sent.
        return not value and (definition is None or isinstance(definition, types.SliceType))

    def _interface(self, value: Interface | None) -> bytes:
        if value is None:
            return b"\0"
        content = self._alone(value.type_id, value.value)
        return _text(value.name) + varint.encode_int(value.type_id) + _delimited(content)

    def _alone(self, type_id: int, value: Any) -> bytes:
        """Encode a value outside slices and fields: what is no struct gets a zero in front."""
        is_struct = isinstance(self._types.get(type_id), types.StructType)
        return (b"" if is_struct else b"\0") + self.payload(type_id, value)


def _delimited(content: bytes) -> bytes:
    return varint.encode_uint(len(content)) + content


def _text(text: str) -> bytes:
    # Go's strings are bytes; surrogateescape carries what is not UTF-8 through unharmed.
    return _delimited(text.encode(errors="surrogateescape"))


def _float(value: float) -> bytes:
    return varint.encode_uint(int.from_bytes(struct.pack("<d", value), "big"))


def _complex(value: complex) -> bytes:
    return _float(value.real) + _float(value.imag)


_BUILTIN: dict[int, Callable[[Any], bytes]] = {
    Builtin.BOOL: lambda value: b"\1" if value else b"\0",
    Builtin.INT: varint.encode_int,
    Builtin.UINT: varint.encode_uint,
    Builtin.FLOAT: _float,
    Builtin.BYTES: _delimited,
    Builtin.STRING: _text,
    Builtin.COMPLEX: _complex,
}
