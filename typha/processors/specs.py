"""Members of a resource's spec, checked as Calico's own types would.

Everything raises ConversionError, naming the member, for what its type cannot hold; what is absent
or null is the type's zero value.
"""

import math
from typing import Any

from typha.model import encoding, metadata, typed
from typha.model.resources import JsonObject, Resource


def of(resource: Resource) -> JsonObject:
    """Return the spec."""
    return metadata.child(resource.value, "spec")


def text(spec: JsonObject, member: str) -> str:
    """Return a text."""
    if member not in spec:
        return ""
    value = spec[member]
    return value if type(value) is str else metadata.text(spec, member, "spec")


def texts(spec: JsonObject, member: str) -> list[str]:
    """Return a list of texts."""
    if member not in spec:
        return []
    return typed.retype(typed.STRINGS, spec[member], f"spec.{member}") or []


def flag(spec: JsonObject, member: str) -> bool:
    """Return true or false."""
    if member not in spec:
        return False
    value: bool = typed.retype(typed.BOOL, spec[member], f"spec.{member}")
    return value


def order(spec: JsonObject) -> Any:
    """Return the order as it is encoded; None if there is none."""
    value = spec.get("order")
    if value is None:
        return None
    if type(value) not in (int, float) or not _fits_float64(value):
        raise typed.misfit(value, "a number").within("spec.order")
    return encoding.number(value)


def _fits_float64(value: float) -> bool:
    """Tell whether a number is finite, as all in JSON are; in YAML it need not be."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
