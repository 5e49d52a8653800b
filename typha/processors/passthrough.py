"""What is sent as it was read: whole resources, and IPAM's blocks."""

from typha.model import paths
from typha.model.resources import KV, Resource


def process(resource: Resource) -> list[KV]:
    """Return the resource under its own key.  Raises ConversionError if it can have none."""
    kind, namespace, name, revision, value, version = resource
    return [KV(paths.resource(kind, namespace, name), value, revision, version)]


def process_block(resource: Resource) -> list[KV]:
    """Return an allocation block under the key of its network, whatever its object is called."""
    return [KV(paths.block(resource.value["cidr"]), resource.value, resource.revision)]
