"""Node → what Felix needs of it besides the resource: addresses, tunnels and WireGuard.

The resource is for other clients too, and so made elsewhere, once for all.  With USE_POD_CIDR
there is no IPAM: the node's pod networks take the place of allocation blocks.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from typha.model import nets, paths
from typha.model.resources import KV, JsonObject, Resource

_V4: Final = 4
_SETTINGS: Final = (  # member of the spec, setting, whether it is an address
    ("ipv4VXLANTunnelAddr", "IPv4VXLANTunnelAddr", True),
    ("vxlanTunnelMACAddr", "VXLANTunnelMACAddr", False),
    ("ipv6VXLANTunnelAddr", "IPv6VXLANTunnelAddr", True),
    ("vxlanTunnelMACAddrV6", "VXLANTunnelMACAddrV6", False),
)
_WIREGUARD: Final = (  # member sent, member of the resource, whether it is in the spec
    ("interfaceIPv4Addr", "interfaceIPv4Address", True),
    ("publicKey", "wireguardPublicKey", False),
    ("interfaceIPv6Addr", "interfaceIPv6Address", True),
    ("publicKeyV6", "wireguardPublicKeyV6", False),
)


def process(resource: Resource) -> list[KV]:
    """Return the keys of a node, in the original's order."""
    return [KV(key, value, resource.revision) for key, value in _keys(resource)]


def process_with_blocks(resource: Resource) -> list[KV]:
    """Return the keys of a node and a block for each of its pod networks, one for each key."""
    networks = map(nets.parse_cidr, resource.value["status"].get("podCIDRs") or ())
    blocks = (
        KV(paths.block(cidr), _block(cidr, resource.name), resource.revision)
        for cidr in dict.fromkeys(networks)
        if cidr is not None
    )
    return [*process(resource), *blocks]


def _keys(resource: Resource) -> Iterator[tuple[str, bytes | JsonObject]]:
    name, spec = resource.name, resource.value["spec"]
    bgp = spec.get("bgp") or {}
    address = _host_address(bgp, spec.get("addresses") or ())
    if address is not None:
        yield paths.host_ip(name), address.encode()
    for setting, text in _settings(bgp, spec):
        yield paths.host_config(name, setting), text.encode()
    wireguard = _wireguard(spec.get("wireguard") or {}, resource.value["status"])
    if wireguard:
        yield paths.wireguard(name), wireguard


def _host_address(bgp: JsonObject, addresses: Iterable[JsonObject]) -> str | None:
    """Return the IPv4 address that other hosts reach this one by.

    What stands in its place in BGP's settings is not judged: such a node is unfit, its keys are
    not.
    """
    own = nets.parse(bgp.get("ipv4Address", ""))
    if own is not None:
        return own.address_text()
    for wanted in ("InternalIP", "ExternalIP"):
        for each in addresses:
            found = _v4(each["address"]) if each.get("type") == wanted else None
            if found is not None:
                return found
    return None


def _v4(text: str) -> str | None:
    net = nets.parse(text)
    return net.address_text() if net is not None and net.version == _V4 else None


def _settings(bgp: JsonObject, spec: JsonObject) -> Iterator[tuple[str, str]]:
    """Return the tunnels' settings; an address that is none has no setting."""
    tunnel = nets.parse_ip(bgp.get("ipv4IPIPTunnelAddr", ""))
    if tunnel is not None:
        yield "IpInIpTunnelAddr", tunnel
    for member, setting, is_address in _SETTINGS:
        text = spec.get(member, "")
        value = nets.parse_ip(text) if is_address else text
        if value:
            yield setting, value


def _wireguard(spec: JsonObject, status: JsonObject) -> JsonObject:
    """Return addresses and keys; the keys are sent whatever they hold."""
    found = {
        sent: nets.parse_ip(spec.get(member, "")) if in_spec else status.get(member)
        for sent, member, in_spec in _WIREGUARD
    }
    return {sent: value for sent, value in found.items() if value}


def _block(cidr: str, node: str) -> JsonObject:
    return {
        "cidr": cidr,
        "affinity": f"host:{node}",
        "allocations": None,
        "unallocated": None,
        "attributes": None,
        "sequenceNumber": 0,
        "sequenceNumberForAllocation": None,
        "deleted": False,
    }
