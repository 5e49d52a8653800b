"""Whole resources pass the same filter as in the original."""

import copy
import json

import pytest

from tests import golden_data
from typha import validation
from typha.model import paths

KINDS = {
    "internalapi.Node": "Node",
    "v3.Profile": "Profile",
    "v1.Service": "KubernetesService",
    "v3.BGPConfiguration": "BGPConfiguration",
    "v3.BGPPeer": "BGPPeer",
    "v3.FelixConfiguration": "FelixConfiguration",
}
MEMBERS = {
    "Metadata.Name": "metadata.name",
    "WireguardPublicKey": "status.wireguardPublicKey",
    "BGP": "spec.bgp",
    "IPv4Address": "spec.bgp.ipv4Address",
    "LabelsToApply": "spec.labelsToApply",
    "LogSeverityScreen": "spec.logSeverityScreen",
    "Node": "spec.node",
}
KEY = "jlkVyQYooZYzI2wFfNhSZez5eWh44yfq1wKVjLvSXgY="
NODE = {
    "metadata": {"name": "n"},
    "spec": {
        "bgp": {
            "ipv4Address": "10.0.0.1/24",
            "ipv6Address": "fd00::1/64",
            "ipv4IPIPTunnelAddr": "10.0.0.2",
            "routeReflectorClusterID": "224.0.0.1",
        },
        "ipv4VXLANTunnelAddr": "10.0.0.3",
        "vxlanTunnelMACAddr": "66:aa:bb:cc:dd:01",
        "ipv6VXLANTunnelAddr": "fd00::3",
        "vxlanTunnelMACAddrV6": "66:aa:bb:cc:dd:02",
        "wireguard": {"interfaceIPv4Address": "10.0.0.4", "interfaceIPv6Address": "fd00::4"},
    },
    "status": {"wireguardPublicKey": KEY, "wireguardPublicKeyV6": KEY},
}


def reason(kind, value):
    """Judge a value under a key of its kind."""
    return validation.reason_unfit(paths.resource(kind, "ns", "n"), value)


def spec_reason(kind, spec):
    """Judge a resource of which only the spec matters."""
    return reason(kind, {"metadata": {"name": "n"}, "spec": spec, "status": {}})


@pytest.mark.golden
@pytest.mark.parametrize(
    "vector",
    [v for v in golden_data.vectors("validation") if v["validator"] == "v3"],
    ids=lambda v: v["name"],
)
def test_every_recorded_resource_is_judged_as_recorded(vector):
    """The reason names the member, which the recording names by its Go field."""
    found = reason(KINDS[vector["type"]], json.loads(vector["value"]))
    assert (found is None) == vector["valid"]
    if vector.get("field"):
        assert found.startswith(MEMBERS[vector["field"]] + ":")


@pytest.mark.parametrize(
    ("metadata", "member"),
    [
        ({"name": ""}, "metadata.name"),
        ({"name": "a" * 254}, "metadata.name"),
        ({"name": "a_b"}, "metadata.name"),
        ({"name": "a..b"}, "metadata.name"),
        ({"name": "n", "labels": {"-a": ""}}, "metadata.labels"),
        ({"name": "n", "labels": {"a" * 64: ""}}, "metadata.labels"),
        ({"name": "n", "labels": {"/a": ""}}, "metadata.labels"),
        ({"name": "n", "labels": {"a/b/c": ""}}, "metadata.labels"),
        ({"name": "n", "labels": {"A.b/c": ""}}, "metadata.labels"),
        ({"name": "n", "labels": {"a": "b" * 64}}, "metadata.labels"),
        ({"name": "n", "labels": {"a": "-"}}, "metadata.labels"),
        ({"name": "n", "annotations": {"a b": ""}}, "metadata.annotations"),
        ({"name": "n", "annotations": {"a": "x" * (256 << 10)}}, "metadata.annotations"),
        ({"name": "n", "annotations": {"a": "\N{EURO SIGN}" * 90_000}}, "metadata.annotations"),
    ],
)
def test_metadata_is_checked_for_every_kind(metadata, member):
    """Even for those that have no rules of their own."""
    for kind in ("KubernetesService", "KubernetesEndpointSlice", "LiveMigration", "Profile"):
        assert reason(kind, {"metadata": metadata, "spec": {}}).startswith(member)


def test_metadata_that_is_fit():
    """Upper case is fit for labels, and for the domain of an annotation."""
    metadata = {
        "name": "a.b-c.0",
        "labels": {"a.b/C_d.e": "F-g", "x": ""},
        "annotations": {"A.B/c": "anything at all", "d": "x" * (256 << 10 >> 1)},
    }
    assert reason("LiveMigration", {"metadata": metadata}) is None


@pytest.mark.parametrize(
    ("place", "bad"),
    [
        ("spec.bgp.ipv4Address", "fd00::1"),
        ("spec.bgp.ipv6Address", "10.0.0.1"),
        ("spec.bgp.ipv4IPIPTunnelAddr", "10.0.0.0/24"),
        ("spec.bgp.routeReflectorClusterID", "10.0.0.0/8"),
        ("spec.ipv4VXLANTunnelAddr", "x"),
        ("spec.vxlanTunnelMACAddr", "zz"),
        ("spec.ipv6VXLANTunnelAddr", "10.0.0.1"),
        ("spec.vxlanTunnelMACAddrV6", "66:aa"),
        ("spec.wireguard.interfaceIPv4Address", "fd00::1"),
        ("spec.wireguard.interfaceIPv6Address", "10.0.0.1"),
        ("status.wireguardPublicKey", "not a key"),
        ("status.wireguardPublicKeyV6", KEY[4:]),
    ],
)
def test_each_address_and_key_of_a_node_is_checked(place, bad):
    """One bad one is enough."""
    assert reason("Node", NODE) is None
    node = copy.deepcopy(NODE)
    *path, member = place.split(".")
    holder = node
    for each in path:
        holder = holder[each]
    holder[member] = bad
    assert reason("Node", node).startswith(place + ":")


def test_a_profiles_rule_needs_an_action():
    """One of the four."""
    assert spec_reason("Profile", {"egress": [{"action": "Pass"}]}) is None
    assert spec_reason("Profile", {"ingress": [{"action": "allow"}]}).startswith("spec.ingress")
