"""Host endpoints: the interfaces of a node that policies apply to."""

from typing import Final

from typha.model import encoding, metadata, nets, paths, ports, qos, typed
from typha.model.resources import KV, JsonObject, Resource
from typha.model.typed import always
from typha.processors import specs

_PORTS: Final = typed.list_of(
    typed.struct(
        always("name", typed.STRING),
        always("protocol", ports.PROTOCOL),
        always("port", typed.UINT16),
    )
)


def process(resource: Resource) -> list[KV]:
    """Return the endpoint's key and value; its key has the name that the object shows.

    Raises ConversionError, also for an endpoint without a node.
    """
    spec = specs.of(resource)
    meta = metadata.of(resource.value)
    value: JsonObject = {
        "name": specs.text(spec, "interfaceName"),
        **_addresses(specs.texts(spec, "expectedIPs")),
        "labels": encoding.sorted_map(metadata.texts(meta, "labels")) or None,
        "profile_ids": specs.texts(spec, "profiles"),
        "ports": typed.retype(_PORTS, spec.get("ports"), "spec.ports"),
        "qosControls": _qos(metadata.texts(meta, "annotations")),
    }
    key = paths.host_endpoint(specs.text(spec, "node"), meta["name"])
    sent = {name: member for name, member in value.items() if member or name == "labels"}
    return [KV(key, sent, resource.revision)]


def _addresses(texts: list[str]) -> JsonObject:
    """Return the addresses expected, by family, without what is none."""
    families: dict[int, list[str]] = {4: [], 6: []}
    for address in map(nets.parse_ip, texts):
        if address is not None:
            families[nets.version_of(address)].append(address)
    return {"expected_ipv4_addrs": families[4], "expected_ipv6_addrs": families[6]}


def _qos(annotations: JsonObject) -> JsonObject:
    marking = qos.dscp(annotations.get(qos.DSCP_ANNOTATION, ""))
    return {} if marking is None else {"dscp": marking}
