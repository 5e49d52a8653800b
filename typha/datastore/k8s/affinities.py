"""BlockAffinity → the v1 block affinity that clients of the bgp syncer know."""

from typing import Any, Final

from typha.model import metadata, nets, typed
from typha.model.resources import ConversionError, JsonObject, Reading, Resource
from typha.model.typed import always

KIND: Final = "BlockAffinity"
HOST: Final = "host"  # the type of an affinity that names none

# The group crd.projectcalico.org/v1 stores text: any that Go takes for a truth value.
_DELETED: Final = {
    **dict.fromkeys(("", "0", "f", "F", "false", "False", "FALSE"), False),
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
}


def _deleted(value: Any) -> bool:
    if type(value) is bool:
        return value
    if type(value) is str and value in _DELETED:
        return _DELETED[value]
    raise typed.misfit(value, "true or false")


_SPEC: Final = typed.struct(
    always("state", typed.STRING),
    always("node", typed.STRING),
    always("type", typed.STRING),
    always("cidr", typed.STRING),
    always("deleted", typed.Type(_deleted, lambda: False)),
)


def read(obj: JsonObject, reading: Reading) -> Resource | None:
    """Return the affinity, its parts in `value`; None for one that clients must not see.

    Those are the ones whose type is not `host`, since no client can parse their key, and in a list
    those marked as deleted, as in the original.  Raises ConversionError.
    """
    meta = metadata.of(obj)
    spec = typed.retype(_SPEC, obj.get("spec"), "spec")
    cidr = nets.parse_cidr(spec["cidr"])
    if cidr is None:
        raise ConversionError(f"spec.cidr: {spec['cidr']!r} is not a network")
    if spec["type"] not in ("", HOST) or (spec["deleted"] and not reading.live):
        return None
    value = {**spec, "type": HOST, "cidr": cidr}
    revision = metadata.text(meta, "resourceVersion")
    return Resource(KIND, "", metadata.text(meta, "name"), revision, value)
