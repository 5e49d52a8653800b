"""IPAMBlock → the allocation block that clients know."""

from typing import Final

from typha.model import metadata, nets, typed
from typha.model.resources import ConversionError, JsonObject, Reading, Resource
from typha.model.typed import always, if_given, unless_empty

_KIND: Final = "IPAMBlock"
_ATTRIBUTES: Final = typed.list_of(
    typed.struct(
        if_given("handle_id", typed.STRING),
        unless_empty("secondary", typed.STRING_MAP),
        unless_empty("alternateOwnerAttrs", typed.STRING_MAP),
    )
)
_ORDINALS: Final = typed.list_of(typed.nullable(typed.INT))
_SPEC: Final = typed.struct(
    always("cidr", typed.STRING),
    always("affinity", typed.nullable(typed.STRING)),
    if_given("affinityClaimTime", typed.TIME),
    always("allocations", _ORDINALS),
    always("unallocated", typed.list_of(typed.INT)),
    always("attributes", _ATTRIBUTES),
    always("sequenceNumber", typed.UINT64),
    always("sequenceNumberForAllocation", typed.map_of(typed.UINT64)),
    always("deleted", typed.BOOL),
)


def read(obj: JsonObject, reading: Reading) -> Resource:
    """Return the block; one that is marked deleted too.  Raises ConversionError."""
    del reading
    meta = metadata.of(obj)
    spec = typed.retype(_SPEC, obj.get("spec"), "spec")
    cidr = nets.parse_cidr(spec["cidr"])
    if cidr is None:
        raise ConversionError(f"spec.cidr: {spec['cidr']!r} is not a network")
    spec["cidr"] = cidr
    spec["attributes"] = spec["attributes"] or []
    value = {_V1_NAMES.get(member, member): member_value for member, member_value in spec.items()}
    revision = metadata.text(meta, "resourceVersion")
    return Resource(_KIND, "", metadata.text(meta, "name"), revision, value)


_V1_NAMES: Final = {"affinityClaimTime": "affinity_claim_time"}
