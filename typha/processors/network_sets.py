"""Sets of networks with labels, global ones and those of a namespace.

A net that cannot be read is left out of its set.
"""

from typha.model import metadata, nets, paths
from typha.model.encoding import sorted_map
from typha.model.resources import KV, JsonObject, Resource
from typha.processors import specs

_NAMESPACE_LABEL = "projectcalico.org/namespace"
_NAMESPACE_PROFILE = "kns."


def process(resource: Resource) -> list[KV]:
    """Return the key and value of a set that belongs to a namespace.

    It has its namespace as a label, and inherits the labels of the namespace's profile.  Raises
    ConversionError.
    """
    namespace = resource.namespace
    labels = metadata.texts(metadata.of(resource.value), "labels")
    value = {
        **_nets(resource),
        "labels": sorted_map({**labels, _NAMESPACE_LABEL: namespace}),
        "profile_ids": [_NAMESPACE_PROFILE + namespace],
    }
    key = paths.network_set(f"{namespace}/{resource.name}")
    return [KV(key, value, resource.revision)]


def process_global(resource: Resource) -> list[KV]:
    """Return the key and value of a set that belongs to no namespace.

    Its key has the name that the object shows, so that two objects may claim one.  Raises
    ConversionError.
    """
    meta = metadata.of(resource.value)
    labels = metadata.texts(meta, "labels")
    value = {**_nets(resource), "labels": sorted_map(labels) or None}
    return [KV(paths.network_set(meta["name"]), value, resource.revision)]


def _nets(resource: Resource) -> JsonObject:
    texts = specs.texts(specs.of(resource), "nets")
    readable = [net for net in map(nets.parse_net, texts) if net is not None]
    return {"nets": readable} if readable else {}
