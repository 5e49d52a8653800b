"""Rules for values that are whole resources, such as Node, Profile and BGPPeer."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

from typha.model import macs
from typha.model.resources import JsonObject
from typha.validation import (
    bgp,
    bgp_filters,
    felix_configuration,
    node_status,
    primitives,
)

Rules = Callable[[JsonObject], Iterator[str]]

_MOST_ANNOTATION_BYTES: Final = 256 << 10
_ACTIONS: Final = frozenset({"Allow", "Deny", "Log", "Pass"})


def reason_unfit(plural: str, value: JsonObject) -> str | None:
    """Tell why a resource must not be sent; None if it may be.

    `plural` is the kind as the key spells it, such as `nodes` or `kubernetesservice`.
    """
    of_kind = _RULES.get(plural, _nothing)
    return next(chain(_metadata(value["metadata"]), of_kind(value)), None)


def _nothing(value: JsonObject) -> Iterator[str]:
    """Services, endpoint slices and migrations have no rules but those of their metadata."""
    del value
    return iter(())


def _metadata(metadata: JsonObject) -> Iterator[str]:
    name = metadata.get("name", "")
    if not primitives.is_name(name):
        yield f"metadata.name: {name!r} is no name"
    annotations = metadata.get("annotations")
    if annotations:
        yield from _annotations(annotations)
    yield from _labels(metadata.get("labels") or {}, "metadata.labels")


def _annotations(annotations: JsonObject) -> Iterator[str]:
    total = 0
    for key, text in annotations.items():
        if not primitives.is_qualified_name(key.lower()):
            yield f"metadata.annotations: {key!r} is no qualified name"
        total += _bytes(key) + _bytes(text)
    if total > _MOST_ANNOTATION_BYTES:
        yield f"metadata.annotations: {total} bytes are more than {_MOST_ANNOTATION_BYTES}"


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def _labels(labels: JsonObject, where: str) -> Iterator[str]:
    for key, text in labels.items():
        if not primitives.is_qualified_name(key):
            yield f"{where}: {key!r} is no qualified name"
        if not primitives.is_label_value(text):
            yield f"{where}: {text!r}, of {key}, is no label's value"


def _node(value: JsonObject) -> Iterator[str]:
    spec, status = value["spec"], value["status"]
    if "bgp" in spec:
        if not spec["bgp"]:
            yield "spec.bgp: must not be empty"
        yield from _texts(spec["bgp"], "spec.bgp", _NODE_BGP)
    yield from _texts(spec, "spec", _NODE_SPEC)
    yield from _texts(spec.get("wireguard") or {}, "spec.wireguard", _NODE_WIREGUARD)
    yield from _texts(status, "status", _NODE_STATUS)


def _texts(
    holder: JsonObject, where: str, checks: Mapping[str, Callable[[str], bool]]
) -> Iterator[str]:
    for member, check in checks.items():
        if holder.get(member) and not check(holder[member]):
            yield f"{where}.{member}: {holder[member]!r} is not what it should be"


def _is_v4(text: str) -> bool:
    return primitives.is_ip(text, 4)


def _is_v6(text: str) -> bool:
    return primitives.is_ip(text, 6)


def _is_mac(text: str) -> bool:
    return macs.parse(text) is not None


_NODE_BGP: Final = {
    "ipv4Address": lambda text: primitives.is_cidr(text, 4),
    "ipv6Address": lambda text: primitives.is_cidr(text, 6),
    "ipv4IPIPTunnelAddr": _is_v4,
    "routeReflectorClusterID": _is_v4,
}
_NODE_SPEC: Final = {
    "ipv4VXLANTunnelAddr": _is_v4,
    "vxlanTunnelMACAddr": _is_mac,
    "ipv6VXLANTunnelAddr": _is_v6,
    "vxlanTunnelMACAddrV6": _is_mac,
}
_NODE_WIREGUARD: Final = {"interfaceIPv4Address": _is_v4, "interfaceIPv6Address": _is_v6}
_NODE_STATUS: Final = {
    "wireguardPublicKey": primitives.is_wireguard_key,
    "wireguardPublicKeyV6": primitives.is_wireguard_key,
}


def _profile(value: JsonObject) -> Iterator[str]:
    spec = value["spec"]
    yield from _labels(spec.get("labelsToApply") or {}, "spec.labelsToApply")
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or ():
            if rule.get("action") not in _ACTIONS:
                yield f"spec.{direction}: {rule.get('action')!r} is no action"


_RULES: Final[dict[str, Rules]] = {
    "nodes": _node,
    "profiles": _profile,
    "bgpconfigurations": bgp.configuration,
    "bgppeers": bgp.peer,
    "bgpfilters": bgp_filters.reasons,
    "caliconodestatuses": node_status.reasons,
    "felixconfigurations": felix_configuration.reasons,
}
