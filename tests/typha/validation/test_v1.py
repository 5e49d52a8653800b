"""Values of the v1 model pass the same filter as in the original."""

import json

import pytest

from tests import golden_data
from typha import validation

KEYS = {
    "model.Policy": "/calico/v1/policy/NetworkPolicy/ns/p",
    "model.ProfileRules": "/calico/v1/policy/profile/kns.ns/rules",
    "model.WorkloadEndpoint": "/calico/v1/host/h/workload/k8s/ns%2fp/endpoint/eth0",
    "model.HostEndpoint": "/calico/v1/host/h/endpoint/e",
    "model.NetworkSet": "/calico/v1/netset/n",
    "model.Tier": "/calico/v1/policy/tier/t/metadata",
    "model.IPPool": "/calico/v1/ipam/v4/pool/10.0.0.0-8",
    "model.AllocationBlock": "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26",
    "model.Wireguard": "/calico/v1/host/h/wireguard",
}
# The Go field at fault -> our name of it.
MEMBERS = {
    "Selector": "selector",
    "PerformanceHints[0]": "performance_hints",
    "PerformanceHints": "performance_hints",
    "DstPorts": "dst_ports",
    "Port": "port",
    "Protocol": "protocol",
    "EndpointPort.Protocol": "protocol",
    "ICMPType": "icmp_type",
    "ICMPCode": "icmp_code",
    "IPVersion": "ip_version",
    "SrcSelector": "src_selector",
    "OriginalSrcNamespaceSelector": "orig_src_namespace_selector",
    "Name": "name",
    "ProfileIDs[0]": "profile_ids",
}
# The original's validator takes an endpoint without a name; its filter then drops it all the same.
NAMELESS = "wep empty"


@pytest.mark.golden
@pytest.mark.parametrize(
    "vector",
    [v for v in golden_data.vectors("validation") if v["validator"] == "v1"],
    ids=lambda v: v["name"],
)
def test_every_recorded_value_is_judged_as_recorded(vector):
    """The reason names the member, which the recording names by its Go field."""
    reason = validation.reason_unfit(KEYS[vector["type"]], json.loads(vector["value"]))
    assert (reason is None) == (vector["valid"] and vector["name"] != NAMELESS)
    if "field" in vector:
        assert MEMBERS[vector["field"]] in reason.partition(": ")[0]


@pytest.mark.parametrize(
    "key", ["/calico/v1/config/X", "/calico/v1/host/h/bird_ip", "/calico/v1/Ready"]
)
def test_raw_values_are_always_fit(key):
    """Settings are not looked at."""
    assert validation.reason_unfit(key, b"anything") is None


def test_profile_labels_are_not_looked_at():
    """Only the rules of a profile are."""
    labels = {"inbound_rules": "a label"}
    assert validation.reason_unfit("/calico/v1/policy/profile/kns.n/labels", labels) is None


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"!src_ports": [80]}, "!src_ports: 80 needs a protocol"),
        ({"src_ports": ["80:90"]}, "src_ports: '80:90' needs a protocol"),
        ({"protocol": 47, "src_ports": ["web"]}, "src_ports: protocol 47 has no ports"),
        ({"!protocol": "tofu"}, "!protocol: 'tofu' is no protocol"),
        ({"protocol": 6, "src_ports": ["0:5"]}, "src_ports: '0:5' is no port"),
        ({"protocol": 6, "src_ports": ["HTTP"]}, "src_ports: 'HTTP' is no port"),
        ({"!dst_ports": ["a-very-long-name"]}, "!dst_ports: 'a-very-long-name' is no port"),
        ({"!orig_dst_selector": "="}, "!orig_dst_selector: '=' is not a selector"),
        ({"!icmp_code": -1}, "!icmp_code: -1 is not between 0 and 255"),
    ],
)
def test_the_reason_names_rule_and_member(rule, reason):
    """So that an operator finds it."""
    policy = {"selector": "all()", "outbound_rules": [{"action": "allow"}, rule]}
    unfit = validation.reason_unfit("/calico/v1/policy/GlobalNetworkPolicy//p", policy)
    assert unfit == f"outbound_rules[1].{reason}"
