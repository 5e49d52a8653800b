"""Random type definitions, each with a value of the type: what hypothesis feeds the codecs."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from typha.gob import types
from typha.gob.types import Builtin, Field, Interface, Marshaller


@dataclass(frozen=True)
class TypedValue:
    """A value, the id of its type, and every definition that the type needs."""

    definitions: dict[int, types.WireType]
    type_id: int
    value: Any


TEXT = st.text(max_size=8) | st.binary(max_size=8).map(
    lambda data: data.decode(errors="surrogateescape")
)
BUILTIN_VALUES: dict[int, st.SearchStrategy[Any]] = {
    Builtin.BOOL: st.booleans(),
    Builtin.INT: st.integers(-(2**63), 2**63 - 1),
    Builtin.UINT: st.integers(0, 2**64 - 1),
    Builtin.FLOAT: st.floats(allow_nan=False),
    Builtin.BYTES: st.binary(max_size=40),
    Builtin.STRING: TEXT,
    Builtin.COMPLEX: st.complex_numbers(allow_nan=False),
}


@st.composite
def typed_values(draw: st.DrawFn, depth: int = 4) -> TypedValue:
    """Draw a type, at most so many levels deep, and a value."""
    definitions: dict[int, types.WireType] = {}
    type_id, value = _draw(draw, definitions, depth)
    return TypedValue(definitions, type_id, value)


def _draw(draw: st.DrawFn, definitions: dict[int, types.WireType], depth: int) -> tuple[int, Any]:
    """Draw a type and one value of it; a type is drawn anew wherever one is needed."""
    kinds = ["builtin", "opaque", "nil"]
    if depth > 0:
        kinds += ["struct", "slice", "array", "map", "interface"]
    kind = draw(st.sampled_from(kinds))
    if kind == "builtin":
        type_id = draw(st.sampled_from(list(BUILTIN_VALUES)))
        return type_id, draw(BUILTIN_VALUES[type_id])
    if kind == "nil":
        return Builtin.INTERFACE, None
    if kind == "interface":
        inner, value = _draw(draw, definitions, depth - 1)
        return Builtin.INTERFACE, Interface(draw(TEXT.filter(bool)), inner, value)
    definition, value = _draw_composite(draw, definitions, kind, depth)
    type_id = draw(
        st.integers(types.FIRST_FREE_ID, types.LAST_ID).filter(lambda id_: id_ not in definitions)
    )
    definitions[type_id] = definition
    return type_id, value


def _draw_composite(
    draw: st.DrawFn, definitions: dict[int, types.WireType], kind: str, depth: int
) -> tuple[types.WireType, Any]:
    name = draw(TEXT)
    if kind == "opaque":
        marshaller = draw(st.sampled_from(list(Marshaller)))
        return types.OpaqueType(name, marshaller), draw(st.binary(max_size=20))
    if kind == "struct":
        members = draw(st.lists(st.text(max_size=5), max_size=4, unique=True))
        drawn = {member: _draw(draw, definitions, depth - 1) for member in members}
        fields = tuple(Field(member, type_id) for member, (type_id, _) in drawn.items())
        return types.StructType(name, fields), {member: v for member, (_, v) in drawn.items()}
    inner, value = _draw(draw, definitions, depth - 1)
    count = draw(st.integers(0, 3))
    if kind == "slice":
        return types.SliceType(name, inner), [value] * count
    if kind == "array":
        return types.ArrayType(name, inner, count), [value] * count
    key, key_value = _draw(draw, definitions, 0)
    return types.MapType(name, key, inner), [(key_value, value)] * count
