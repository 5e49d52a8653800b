"""Rules for BGPConfiguration and BGPPeer."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from typha.model import nets, selectors
from typha.model.resources import JsonObject
from typha.validation import primitives

_LOG_LEVELS: Final = frozenset({"Trace", "Debug", "Info", "Warning", "Error", "Fatal"})
_SERVICE_NETWORKS: Final = ("serviceLoadBalancerIPs", "serviceExternalIPs", "serviceClusterIPs")
_PRIORITIES: Final = range(1, 2147483647)
_SINGLE: Final[Mapping[str, Callable[[Any], bool]]] = {
    "logSeverityScreen": _LOG_LEVELS.__contains__,
    "localWorkloadPeeringIPV4": lambda text: primitives.is_ip(text, 4),
    "localWorkloadPeeringIPV6": lambda text: primitives.is_ip(text, 6),
    "ipv4NormalRoutePriority": _PRIORITIES.__contains__,
    "ipv6NormalRoutePriority": _PRIORITIES.__contains__,
}
_IGNORED_INTERFACE: Final = re.compile("[a-zA-Z0-9_.*-]{1,15}")
_COMMUNITY: Final = re.compile("[0-9]+(?::[0-9]+){1,2}", re.ASCII)
_LARGE: Final = 3  # numbers in a large community, of 32 bits each; others have two, of 16
_LONGEST_NUMBER: Final = 20  # digits; more are no number of 32 bits
_SOURCE_ADDRESSES: Final = frozenset({"UseNodeIP", "None"})
_V4_WITH_PORT: Final = re.compile(r"([0-9]+(?:\.[0-9]+){3}):([0-9]{1,5})", re.ASCII)
_V6_WITH_PORT: Final = re.compile(r"\[([0-9a-fA-F:.]+)\]:([0-9]{1,5})", re.ASCII)
_LAST_PORT: Final = 65535
_EXCLUSIVE: Final = (
    ("node", "nodeSelector"),
    ("peerIP", "peerSelector"),
    ("asNumber", "peerSelector"),
    ("peerIP", "localWorkloadSelector"),
    ("peerSelector", "localWorkloadSelector"),
)


def configuration(value: JsonObject) -> Iterator[str]:
    """Give the reasons why a BGPConfiguration is unfit."""
    spec = value["spec"]
    for member, check in _SINGLE.items():
        if member in spec and not check(spec[member]):
            yield f"spec.{member}: {spec[member]!r} is not among what is accepted"
    for member in _SERVICE_NETWORKS:
        for entry in spec.get(member, ()):
            if "cidr" in entry and not primitives.is_network(entry["cidr"]):
                yield f"spec.{member}: {entry['cidr']!r} is not a network without host bits"
    for interface in spec.get("ignoredInterfaces", ()):
        if interface == "*" or not _IGNORED_INTERFACE.fullmatch(interface):
            yield f"spec.ignoredInterfaces: {interface!r} is no interface"
    yield from _communities(spec)
    yield from _mesh(spec)


def _mesh(spec: JsonObject) -> Iterator[str]:
    if spec.get("nodeToNodeMeshEnabled") is False:
        for member in ("nodeMeshPassword", "nodeMeshMaxRestartTime"):
            if member in spec:
                yield f"spec.{member}: the mesh of nodes is disabled"


def _communities(spec: JsonObject) -> Iterator[str]:
    defined = spec.get("communities", ())
    for community in defined:
        if not primitives.is_name(community.get("name", "")):
            yield f"spec.communities: {community.get('name')!r} is no name"
        if not _is_community(community.get("value", "")):
            yield f"spec.communities: {community.get('value')!r} is no community"
    advertised = spec.get("prefixAdvertisements", ())
    if defined and not advertised:
        yield "spec.communities: no prefix advertisement uses them"
    names = {community.get("name") for community in defined}
    for advertisement in advertised:
        yield from _advertisement(advertisement, names)


def _advertisement(advertisement: JsonObject, names: set[str]) -> Iterator[str]:
    if not primitives.is_network(advertisement.get("cidr", "")):
        yield f"spec.prefixAdvertisements: {advertisement.get('cidr')!r} is no network"
    for community in advertisement.get("communities", ()):
        if community not in names and not _is_community(community):
            yield f"spec.prefixAdvertisements: {community!r} is not defined"


def _is_community(text: str) -> bool:
    if not _COMMUNITY.fullmatch(text):
        return False
    numbers = text.split(":")
    limit = 1 << (32 if len(numbers) == _LARGE else 16)
    return all(len(each) <= _LONGEST_NUMBER and int(each) < limit for each in numbers)


def peer(value: JsonObject) -> Iterator[str]:
    """Give the reasons why a BGPPeer is unfit."""
    spec = value["spec"]
    for member, check in _PEER.items():
        if member in spec and not check(spec[member]):
            yield f"spec.{member}: {spec[member]!r} is not among what is accepted"
    for name in spec.get("filters", ()):
        if not primitives.is_name(name):
            yield f"spec.filters: {name!r} is no name"
    yield from _contradictions(spec)


def _contradictions(spec: JsonObject) -> Iterator[str]:
    for one, other in _EXCLUSIVE:
        if one in spec and other in spec:
            yield f"spec.{one}: must not be given together with {other}"
    if "localWorkloadSelector" in spec and "asNumber" not in spec:
        yield "spec.asNumber: needed with localWorkloadSelector"
    if spec.get("keepOriginalNextHop") and "nextHopMode" in spec:
        yield "spec.keepOriginalNextHop: must not be true together with nextHopMode"
    if "reachableBy" in spec:
        gateway, peer_address = (
            nets.parse_ip(spec["reachableBy"]),
            _peer_address(spec.get("peerIP", "")),
        )
        if gateway is None or peer_address is None:
            yield f"spec.reachableBy: {spec['reachableBy']!r} or spec.peerIP is no address"
        elif nets.version_of(gateway) != nets.version_of(peer_address):
            yield "spec.reachableBy: not of the same version of IP as spec.peerIP"


def _peer_address(text: str) -> str | None:
    """Return the address in `<ip>`, `<v4>:<port>` or `[<v6>]:<port>`; None if it is no such."""
    found = _V4_WITH_PORT.fullmatch(text) or _V6_WITH_PORT.fullmatch(text)
    if found is None:
        return nets.parse_ip(text)
    return nets.parse_ip(found[1]) if 1 <= int(found[2]) <= _LAST_PORT else None


_PEER: Final[Mapping[str, Callable[[str], bool]]] = {
    "node": primitives.is_name,
    "nodeSelector": selectors.is_selector,
    "peerSelector": selectors.is_selector,
    "localWorkloadSelector": selectors.is_selector,
    "peerIP": lambda text: _peer_address(text) is not None,
    "sourceAddress": _SOURCE_ADDRESSES.__contains__,
}
