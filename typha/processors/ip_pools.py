"""Address pools, under a key that their network gives: several pools may claim one."""

from typing import Final

from typha.model import nets, paths
from typha.model.resources import KV, ConversionError, JsonObject, Resource
from typha.processors import specs

_MODES: Final = {"Always": "always", "CrossSubnet": "cross-subnet"}
_TUNNEL: Final = "tunl0"
_AUTOMATIC: Final = "Automatic"


def process(resource: Resource) -> list[KV]:
    """Return the pool's key and value.  Raises ConversionError, also for a bad network."""
    spec = specs.of(resource)
    text = specs.text(spec, "cidr")
    cidr = nets.parse_cidr(text)
    if cidr is None:
        raise ConversionError(f"spec.cidr: {text[:200]!r} is not a network")
    ipip = _MODES.get(specs.text(spec, "ipipMode"), "")
    disabled = specs.flag(spec, "disabled")
    mode = spec.get("assignmentMode")
    value: JsonObject = {
        "cidr": cidr,
        "ipip": _TUNNEL if ipip else "",
        "ipip_mode": ipip,
        "vxlan_mode": _MODES.get(specs.text(spec, "vxlanMode"), ""),
        "masquerade": specs.flag(spec, "natOutgoing"),
        "ipam": not disabled,
        "disabled": disabled,
        "disableBGPExport": specs.flag(spec, "disableBGPExport"),
        "assignment_mode": _AUTOMATIC if mode is None else specs.text(spec, "assignmentMode"),
    }
    uses = specs.texts(spec, "allowedUses")
    if uses:
        value["allowed_uses"] = uses
    return [KV(paths.ip_pool(cidr), value, resource.revision)]
