"""Tiers: in which order groups of policies are looked at, and what becomes of no match."""

from typing import Final

from typha.model import paths
from typha.model.resources import KV, JsonObject, Resource
from typha.processors import specs

_ACTIONS: Final = frozenset({"Pass", "Deny"})


def process(resource: Resource) -> list[KV]:
    """Return the tier's key and value.  Raises ConversionError."""
    spec = specs.of(resource)
    value: JsonObject = {}
    order = specs.order(spec)
    if order is not None:
        value["order"] = order
    action = specs.text(spec, "defaultAction")
    value["defaultAction"] = action if action in _ACTIONS else "Deny"
    return [KV(paths.tier(resource.name), value, resource.revision)]
