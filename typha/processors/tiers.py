"""Tiers: in which order groups of policies are looked at, and what becomes of no match."""

from typha.model import paths
from typha.model.resources import KV, JsonObject, Resource
from typha.processors import specs


def process(resource: Resource) -> list[KV]:
    """Return the tier's key and value.  Raises ConversionError."""
    spec = specs.of(resource)
    value: JsonObject = {}
    order = specs.order(spec)
    if order is not None:
        value["order"] = order
    value["defaultAction"] = "Pass" if specs.text(spec, "defaultAction") == "Pass" else "Deny"
    return [KV(paths.tier(resource.name), value, resource.revision)]
