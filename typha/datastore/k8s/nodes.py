"""Kubernetes Node → Calico's v3 Node, which is kept in annotations of the former.

An annotation that is not what it should be counts as absent, as in the original.
"""

from collections.abc import Callable
from typing import Any, Final

import orjson

from typha.model import encoding, macs, metadata, nets, typed
from typha.model.resources import (
    ApiGroup,
    ConversionError,
    JsonObject,
    Reading,
    Resource,
)

_KIND: Final = "Node"
ANNOTATION_PREFIX: Final = "projectcalico.org/"
_KUBE_LABELS: Final = "projectcalico.org/kube-labels"
_PASSED_ON: Final = frozenset({"InternalIP", "ExternalIP"})
_V4, _V6 = 4, 6
_INTERFACES: Final = typed.list_of(
    typed.struct(
        typed.unless_empty("name", typed.STRING), typed.unless_empty("addresses", typed.STRINGS)
    )
)
_ADDRESSES: Final = typed.list_of(
    typed.struct(typed.always("address", typed.STRING), typed.unless_empty("type", typed.STRING))
)


def read(obj: JsonObject, reading: Reading) -> Resource:
    """Return the Calico node.  Raises ConversionError."""
    meta, spec, status = (
        metadata.of(obj),
        metadata.child(obj, "spec"),
        metadata.child(obj, "status"),
    )
    name, revision = metadata.text(meta, "name"), metadata.text(meta, "resourceVersion")
    annotations = metadata.texts(meta, "annotations")
    value = {
        "kind": _KIND,
        "apiVersion": ApiGroup.V3,
        "metadata": _metadata(name, meta, annotations),
        "spec": _spec(name, annotations, _tunnel(spec, reading), status),
        "status": _status(spec, annotations),
    }
    return Resource(_KIND, "", name, revision, value, revision)


def _metadata(name: str, meta: JsonObject, annotations: JsonObject) -> JsonObject:
    """Return name, identity, labels and annotations, Kubernetes' labels on top of Calico's."""
    kube_labels = encoding.sorted_map(metadata.texts(meta, "labels"))
    remembered = encoding.encode(kube_labels or None).decode()
    shown: JsonObject = {"name": name}
    uid = metadata.text(meta, "uid")
    if uid:
        shown["uid"] = uid
    shown["creationTimestamp"] = typed.retype(
        typed.TIME, meta.get("creationTimestamp"), "metadata.creationTimestamp"
    )
    labels = {**_map_in(annotations, "labels"), **kube_labels}
    if labels:
        shown["labels"] = encoding.sorted_map(labels)
    shown["annotations"] = encoding.sorted_map(
        {**_map_in(annotations, "annotations"), _KUBE_LABELS: remembered}
    )
    return shown


def _map_in(annotations: JsonObject, name: str) -> JsonObject:
    return _decoded(annotations.get(ANNOTATION_PREFIX + name), typed.STRING_MAP) or {}


def _decoded(text: str | None, wanted: typed.Type) -> Any:
    """Return what an annotation's JSON holds; None if that is not what is wanted."""
    if not text:
        return None
    try:
        return typed.retype(wanted, orjson.loads(text), "")
    except (ValueError, ConversionError):
        return None


def _tunnel(spec: JsonObject, reading: Reading) -> str | None:
    """Return the tunnel address that a node has by its pod CIDR; None if annotations say it."""
    cidr = metadata.text(spec, "podCIDR", "spec")
    if not reading.use_pod_cidr or not cidr:
        return None
    net = nets.parse(cidr) if "/" in cidr else None
    if net is None:
        raise ConversionError(f"spec.podCIDR: {cidr!r} is not a network with a prefix length")
    if net.version != _V4:
        return ""
    first, _, last = net.address_text().rpartition(".")
    return f"{first}.{int(last) + 1 & 0xFF}"


def _spec(
    name: str, annotations: JsonObject, tunnel: str | None, status: JsonObject
) -> JsonObject:
    bgp = _bgp(annotations, tunnel)
    return _given(
        {
            "bgp": bgp,
            "ipv4VXLANTunnelAddr": _fit(annotations, "IPv4VXLANTunnelAddr", _is_network_v4),
            "vxlanTunnelMACAddr": _fit(annotations, "VXLANTunnelMACAddr", macs.parse),
            "ipv6VXLANTunnelAddr": _fit(annotations, "IPv6VXLANTunnelAddr", _is_network_v6),
            "vxlanTunnelMACAddrV6": _fit(annotations, "VXLANTunnelMACAddrV6", macs.parse),
            "orchRefs": [{"nodeName": name, "orchestrator": "k8s"}],
            "wireguard": _wireguard(annotations, tunnel),
            "addresses": _addresses(bgp, status),
            "interfaces": _interfaces(annotations),
        }
    )


def _bgp(annotations: JsonObject, tunnel: str | None) -> JsonObject:
    if tunnel is None:
        tunnel = _fit(annotations, "IPv4IPIPTunnelAddr", _is_network_v4)
    return _given(
        {
            "asNumber": _as_number(annotations),
            "ipv4Address": _fit(annotations, "IPv4Address", _is_v4),
            "ipv6Address": _fit(annotations, "IPv6Address", _is_v6),
            "ipv4IPIPTunnelAddr": tunnel,
            "routeReflectorClusterID": _fit(
                annotations, "RouteReflectorClusterID", _is_network_v4
            ),
        }
    )


def _wireguard(annotations: JsonObject, tunnel: str | None) -> JsonObject:
    if tunnel is not None:
        has_key = annotations.get(f"{ANNOTATION_PREFIX}WireguardPublicKey")
        return _given({"interfaceIPv4Address": tunnel if has_key else ""})
    return _given(
        {
            "interfaceIPv4Address": _fit(
                annotations, "IPv4WireguardInterfaceAddr", _is_network_v4
            ),
            "interfaceIPv6Address": _fit(
                annotations, "IPv6WireguardInterfaceAddr", _is_network_v6
            ),
        }
    )


def _addresses(bgp: JsonObject, status: JsonObject) -> list[JsonObject]:
    """Return Calico's own addresses, then those of Kubernetes that others can reach."""
    own = [
        {"address": bgp[member], "type": "CalicoNodeIP"}
        for member in ("ipv4Address", "ipv6Address")
        if member in bgp
    ]
    listed = typed.retype(_ADDRESSES, status.get("addresses"), "status.addresses") or ()
    return own + [each for each in listed if each.get("type") in _PASSED_ON]


def _interfaces(annotations: JsonObject) -> list[JsonObject]:
    """Return the interfaces, without addresses that are none."""
    interfaces = _decoded(annotations.get(f"{ANNOTATION_PREFIX}Interfaces"), _INTERFACES) or []
    for interface in interfaces:
        addresses = [each for each in interface.pop("addresses", ()) if nets.parse_ip(each)]
        if addresses:
            interface["addresses"] = addresses
    return interfaces


def _status(spec: JsonObject, annotations: JsonObject) -> JsonObject:
    return _given(
        {
            "wireguardPublicKey": annotations.get(f"{ANNOTATION_PREFIX}WireguardPublicKey"),
            "wireguardPublicKeyV6": annotations.get(f"{ANNOTATION_PREFIX}WireguardPublicKeyV6"),
            "podCIDRs": typed.retype(typed.STRINGS, spec.get("podCIDRs"), "spec.podCIDRs"),
        }
    )


def _given(members: JsonObject) -> JsonObject:
    """Return the members that hold something; an AS number of zero does."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}


def _fit(annotations: JsonObject, name: str, check: Callable[[str], object]) -> str:
    """Return an annotation's text if the check accepts it, else ""."""
    text: str = annotations.get(ANNOTATION_PREFIX + name, "")
    return text if text and check(text) else ""


def _as_number(annotations: JsonObject) -> int | None:
    try:
        return typed.as_number(annotations.get(f"{ANNOTATION_PREFIX}ASNumber", ""))
    except ValueError:
        return None


def _is_v4(text: str) -> bool:
    net = nets.parse(text)
    return net is not None and net.version == _V4


def _is_v6(text: str) -> bool:
    net = nets.parse(text)
    return net is not None and net.version == _V6


def _is_network_v4(text: str) -> bool:
    """Tell whether a text is an address or a network without host bits."""
    net = nets.parse(text)
    return net is not None and net.version == _V4 and net.address == net.network


def _is_network_v6(text: str) -> bool:
    net = nets.parse(text)
    return net is not None and net.version == _V6 and net.address == net.network
