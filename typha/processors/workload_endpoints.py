"""WorkloadEndpoint → the endpoint that Felix programs.

The spec's networks, addresses and protocols are expected in the form sent, as `workloads.SPEC`
and the reader of pods leave them.
"""

from typing import Final

from typha.model import nets, paths, workloads
from typha.model.resources import KV, JsonObject, Resource

# A pod must not pass for one of another namespace or service account by its own labels.
_RESERVED_PREFIXES: Final = ("pcns.", "pcsa.")
_SERVICE_ACCOUNT: Final = "projectcalico.org/serviceaccount"
_GATEWAYS: Final = (("ipv4_gateway", "ipv4Gateway"), ("ipv6_gateway", "ipv6Gateway"))


def process(resource: Resource) -> list[KV]:
    """Return the endpoint; nothing while it has no address.

    Raises ConversionError for a name that is not an endpoint's.
    """
    spec = resource.value["spec"]
    networks = spec.get("ipNetworks")
    if not networks:
        return []
    node, orchestrator, workload, endpoint = workloads.parts_of(resource.name)
    key = paths.workload_endpoint(node, orchestrator, f"{resource.namespace}/{workload}", endpoint)
    return [KV(key, _value(resource.value["metadata"], spec, networks), resource.revision)]


def _value(metadata: JsonObject, spec: JsonObject, networks: list[str]) -> JsonObject:
    v6 = [network for network in networks if ":" in network]
    v4 = [network for network in networks if ":" not in network] if v6 else networks
    value: JsonObject = {
        "state": "active",
        "name": spec.get("interfaceName", ""),
        "active_instance_id": "",
        "mac": spec.get("mac"),
        "profile_ids": spec.get("profiles"),
        "ipv4_nets": v4 or None,
        "ipv6_nets": v6 or None,
    }
    if "ipNATs" in spec:
        value |= _nats(spec["ipNATs"])
    value["labels"] = _labels(metadata.get("labels") or {}, spec.get("serviceAccountName"))
    for member, source in _GATEWAYS:
        if source in spec:
            value[member] = spec[source]
    _add_optional(value, metadata, spec)
    return value


def _add_optional(value: JsonObject, metadata: JsonObject, spec: JsonObject) -> None:
    """Add the members that are left out when they are empty, in the order sent."""
    ports = _named(spec["ports"]) if "ports" in spec else None
    if ports:
        value["ports"] = ports
    if "generateName" in metadata:
        value["generate_name"] = metadata["generateName"]
    if spec.get("allowSpoofedSourcePrefixes"):
        value["allow_spoofed_source_ips"] = spec["allowSpoofedSourcePrefixes"]
    if metadata.get("annotations"):
        value["annotations"] = metadata["annotations"]
    if "qosControls" in spec:  # also without any: so may a stored one be
        value["qosControls"] = spec["qosControls"]


def _labels(labels: JsonObject, service_account: str | None) -> JsonObject:
    """Return the labels without the reserved ones, sorted; the account's own wins."""
    if service_account:
        labels = {**labels, _SERVICE_ACCOUNT: service_account}
    return {
        label: labels[label]
        for label in sorted(labels)
        if not label.startswith(_RESERVED_PREFIXES)
    }


def _named(ports: list[JsonObject]) -> list[JsonObject]:
    """Return the ports that have a name: Felix knows no others."""
    return [
        {"name": name, "protocol": port["protocol"], "port": port["port"]}
        for port in ports
        if (name := port.get("name"))
    ]


def _nats(pairs: list[JsonObject]) -> JsonObject:
    """Return the pairs by family of the inner address; one with a bad address is left out."""
    by_family: dict[str, list[JsonObject]] = {"ipv4_nat": [], "ipv6_nat": []}
    for pair in pairs:
        inner = nets.parse_ip(pair.get("internalIP", ""))
        outer = nets.parse_ip(pair.get("externalIP", ""))
        if inner is not None and outer is not None:
            family = "ipv6_nat" if ":" in inner else "ipv4_nat"
            by_family[family].append({"int_ip": inner, "ext_ip": outer})
    return {member: nat for member, nat in by_family.items() if nat}
