"""Rules for BGPConfiguration and BGPPeer."""

import pytest

from typha.model import bgp, typed
from typha.validation import v3

COMMUNITY = {"name": "c", "value": "1:2"}


def reason(plural, spec):
    """Judge a resource of which only the spec matters."""
    return v3.reason_unfit(plural, {"metadata": {"name": "n"}, "spec": spec})


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"logSeverityScreen": "Trace", "serviceClusterIPs": [{"cidr": "10.0.0.0/8"}, {}]},
        {"serviceExternalIPs": [{"cidr": "10.0.0.1"}], "ignoredInterfaces": ["eth*", "a.b-c_d"]},
        {
            "communities": [COMMUNITY, {"name": "big", "value": "4294967295:1:2"}],
            "prefixAdvertisements": [{"cidr": "10.0.0.0/8", "communities": ["c", "65535:1"]}],
        },
        {"localWorkloadPeeringIPV4": "10.0.0.1", "localWorkloadPeeringIPV6": "fd00::1"},
        {"ipv4NormalRoutePriority": 1, "ipv6NormalRoutePriority": 2147483646},
        {"nodeToNodeMeshEnabled": True, "nodeMeshPassword": {}, "nodeMeshMaxRestartTime": "1s"},
        {"nodeToNodeMeshEnabled": False},
    ],
)
def test_configurations_that_are_fit(spec):
    """Everything may also be absent."""
    assert reason("bgpconfigurations", spec) is None


@pytest.mark.parametrize(
    ("spec", "member"),
    [
        ({"logSeverityScreen": "info"}, "spec.logSeverityScreen"),
        ({"serviceClusterIPs": [{"cidr": "10.0.0.1/8"}]}, "spec.serviceClusterIPs"),
        ({"serviceLoadBalancerIPs": [{"cidr": ""}]}, "spec.serviceLoadBalancerIPs"),
        ({"ignoredInterfaces": ["*"]}, "spec.ignoredInterfaces"),
        ({"ignoredInterfaces": ["x" * 16]}, "spec.ignoredInterfaces"),
        ({"communities": [COMMUNITY]}, "spec.communities: no prefix advertisement"),
        ({"communities": [{"value": "1:2"}]}, "spec.communities: None is no name"),
        ({"communities": [{"name": "c"}]}, "spec.communities: None is no community"),
        ({"communities": [{"name": "c", "value": "65536:1"}]}, "spec.communities: '65536:1'"),
        ({"communities": [{"name": "c", "value": "4294967296:1:1"}]}, "spec.communities"),
        ({"communities": [{"name": "c", "value": f"{'9' * 5000}:1"}]}, "spec.communities"),
        ({"prefixAdvertisements": [{"communities": ["1:2"]}]}, "spec.prefixAdvertisements: None"),
        (
            {"prefixAdvertisements": [{"cidr": "10.0.0.0/8", "communities": ["c"]}]},
            "spec.prefixAdvertisements: 'c' is not defined",
        ),
        ({"localWorkloadPeeringIPV4": "fd00::1"}, "spec.localWorkloadPeeringIPV4"),
        ({"localWorkloadPeeringIPV6": "10.0.0.1"}, "spec.localWorkloadPeeringIPV6"),
        ({"ipv4NormalRoutePriority": 0}, "spec.ipv4NormalRoutePriority"),
        ({"ipv6NormalRoutePriority": 2147483647}, "spec.ipv6NormalRoutePriority"),
        ({"nodeToNodeMeshEnabled": False, "nodeMeshPassword": {}}, "spec.nodeMeshPassword"),
        (
            {"nodeToNodeMeshEnabled": False, "nodeMeshMaxRestartTime": "1s"},
            "spec.nodeMeshMaxRestartTime",
        ),
    ],
)
def test_configurations_that_are_not(spec, member):
    """The reason names the member."""
    assert reason("bgpconfigurations", spec).startswith(member)


def test_a_prefix_must_be_advertised_with_communities():
    """Be it an empty list, which the original's filter lets pass and nobody prints."""
    spec = {"prefixAdvertisements": [{"cidr": "10.0.0.0/8", "communities": []}]}
    sent = bgp.CONFIGURATION.convert(spec)
    assert sent == {"prefixAdvertisements": [{"cidr": "10.0.0.0/8"}]}
    assert reason("bgpconfigurations", sent) is None
    del spec["prefixAdvertisements"][0]["communities"]
    with pytest.raises(typed.MemberError, match=r"prefixAdvertisements\[0\]\.communities: a list"):
        bgp.CONFIGURATION.convert(spec)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"node": "n.example", "peerIP": "10.0.0.1", "asNumber": 1, "filters": ["f"]},
        {"nodeSelector": "all()", "peerSelector": "rack == 'r1'"},
        {"peerIP": "10.0.0.1:179", "reachableBy": "10.0.0.254", "sourceAddress": "None"},
        {"peerIP": "[fd00::1]:179", "reachableBy": "fd00::2", "sourceAddress": "UseNodeIP"},
        {"localWorkloadSelector": "app == 'router'", "asNumber": 1},
        {"keepOriginalNextHop": True},
        {"nextHopMode": "Self"},
    ],
)
def test_peers_that_are_fit(spec):
    """Everything may also be absent."""
    assert reason("bgppeers", spec) is None


@pytest.mark.parametrize(
    ("spec", "member"),
    [
        ({"node": "A"}, "spec.node"),
        ({"nodeSelector": "(("}, "spec.nodeSelector"),
        ({"peerSelector": "=="}, "spec.peerSelector"),
        ({"localWorkloadSelector": "%", "asNumber": 1}, "spec.localWorkloadSelector"),
        ({"peerIP": "pine"}, "spec.peerIP"),
        ({"peerIP": "10.0.0.1:0"}, "spec.peerIP"),
        ({"peerIP": "10.0.0.1:65536"}, "spec.peerIP"),
        ({"peerIP": "10.0.0.1:999999"}, "spec.peerIP"),
        ({"peerIP": "10.0.0.1/32"}, "spec.peerIP"),
        ({"sourceAddress": "Any"}, "spec.sourceAddress"),
        ({"filters": ["ok", "Not"]}, "spec.filters"),
        ({"node": "n", "nodeSelector": "all()"}, "spec.node"),
        ({"peerIP": "10.0.0.1", "peerSelector": "all()"}, "spec.peerIP"),
        ({"asNumber": 1, "peerSelector": "all()"}, "spec.asNumber"),
        (
            {"peerIP": "10.0.0.1", "asNumber": 1, "localWorkloadSelector": "all()"},
            "spec.peerIP",
        ),
        ({"localWorkloadSelector": "all()"}, "spec.asNumber"),
        ({"peerSelector": "all()", "localWorkloadSelector": "all()"}, "spec.peerSelector"),
        ({"keepOriginalNextHop": True, "nextHopMode": "Self"}, "spec.keepOriginalNextHop"),
        ({"reachableBy": "10.0.0.1"}, "spec.reachableBy"),
        ({"reachableBy": "x", "peerIP": "10.0.0.1"}, "spec.reachableBy"),
        ({"reachableBy": "fd00::1", "peerIP": "10.0.0.1"}, "spec.reachableBy"),
    ],
)
def test_peers_that_are_not(spec, member):
    """The reason names the member."""
    assert reason("bgppeers", spec).startswith(member)
