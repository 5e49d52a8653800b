"""Block affinities: which host a block of IPAM's belongs to, under the v1 key of the block."""

from typha.model import paths
from typha.model.resources import KV, Resource


def process(resource: Resource) -> list[KV]:
    """Return the affinity under the key of its type, host and network.

    Raises ConversionError if one of them is missing.
    """
    affinity = resource.value
    key = paths.block_affinity(affinity["type"], affinity["node"], affinity["cidr"])
    value = {"state": affinity["state"], "deleted": affinity["deleted"]}
    return [KV(key, value, resource.revision)]
