"""Kubernetes nodes become Calico's, and those what Felix needs."""

import copy

import pytest
from hypothesis import given, settings, strategies as st

from tests.fuzzing import anywhere, survives
from typha.datastore.k8s import nodes
from typha.model import encoding
from typha.model.resources import ConversionError, Reading
from typha.processors import felix_nodes

KEY = "jlkVyQYooZYzI2wFfNhSZez5eWh44yfq1wKVjLvSXgY="
ANNOTATIONS = {
    "IPv4Address": "10.10.1.1/24",
    "IPv6Address": "fd00::1/64",
    "ASNumber": "1.10",
    "RouteReflectorClusterID": "224.0.0.1",
    "IPv4IPIPTunnelAddr": "192.168.10.1",
    "IPv4VXLANTunnelAddr": "192.168.10.2",
    "VXLANTunnelMACAddr": "66:AA:bb:cc:dd:01",
    "IPv6VXLANTunnelAddr": "fd00:168::2",
    "VXLANTunnelMACAddrV6": "66:aa:bb:cc:dd:06",
    "IPv4WireguardInterfaceAddr": "192.168.10.3",
    "IPv6WireguardInterfaceAddr": "fd00:168::3",
    "WireguardPublicKey": KEY,
    "WireguardPublicKeyV6": "unchecked",
    "Interfaces": '[{"name":"eth0","addresses":["a","10.10.1.1","b","c"]},{"addresses":["x"]}]',
    "labels": '{"rack":"theirs","calico":"only"}',
    "annotations": '{"kept":"yes"}',
}
NODE = {
    "metadata": {
        "name": "n1",
        "uid": "kept-as-it-is",
        "resourceVersion": "140",
        "creationTimestamp": "2024-01-02T03:04:05Z",
        "labels": {"zone": "<z>", "rack": "r1"},
        "annotations": {f"projectcalico.org/{name}": text for name, text in ANNOTATIONS.items()},
    },
    "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "fd00:244::/64"]},
    "status": {
        "addresses": [
            {"type": "Hostname", "address": "n1"},
            {"type": "InternalIP", "address": "10.99.0.1"},
            {"type": "ExternalIP", "address": "203.0.113.1"},
        ],
    },
}
LISTED, POD_CIDR = Reading(), Reading(use_pod_cidr=True)


def node(**annotations):
    """Make the node above with some of Calico's annotations replaced, or removed by None."""
    made = copy.deepcopy(NODE)
    held = made["metadata"]["annotations"]
    for name, text in annotations.items():
        held.pop(f"projectcalico.org/{name}")
        if text is not None:
            held[f"projectcalico.org/{name}"] = text
    return made


def bare(**members):
    """Make a node without annotations."""
    return {"metadata": {"name": "n1"}, **members}


def kvs(obj, reading=LISTED, process=felix_nodes.process):
    """Return the keys of a node, shortened, with their texts."""
    return {
        kv.key.removeprefix("/calico/v1/host/n1/").removeprefix("/calico/"): (
            kv.value if isinstance(kv.value, bytes) else encoding.encode(kv.value)
        ).decode()
        for kv in process(nodes.read(obj, reading))
    }


def shown(obj):
    """Return the resource's text."""
    return encoding.encode(nodes.read(obj, LISTED).value).decode()


def test_a_node_with_everything():
    """Kubernetes' labels win over Calico's; addresses that are none go from the interfaces."""
    resource = nodes.read(NODE, LISTED)
    assert (resource.revision, resource.v3_resource_version) == ("140", "140")
    assert encoding.encode(resource.value).decode() == (
        '{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"n1",'
        '"uid":"kept-as-it-is","creationTimestamp":"2024-01-02T03:04:05Z","labels":'
        '{"calico":"only","rack":"r1","zone":"\\u003cz\\u003e"},"annotations":{"kept":"yes",'
        '"projectcalico.org/kube-labels":"{\\"rack\\":\\"r1\\",\\"zone\\":\\"\\\\u003cz\\\\u003e\\"}"}},'
        '"spec":{"bgp":{"asNumber":65546,"ipv4Address":"10.10.1.1/24","ipv6Address":"fd00::1/64",'
        '"ipv4IPIPTunnelAddr":"192.168.10.1","routeReflectorClusterID":"224.0.0.1"},'
        '"ipv4VXLANTunnelAddr":"192.168.10.2","vxlanTunnelMACAddr":"66:AA:bb:cc:dd:01",'
        '"ipv6VXLANTunnelAddr":"fd00:168::2","vxlanTunnelMACAddrV6":"66:aa:bb:cc:dd:06",'
        '"orchRefs":[{"nodeName":"n1","orchestrator":"k8s"}],"wireguard":'
        '{"interfaceIPv4Address":"192.168.10.3","interfaceIPv6Address":"fd00:168::3"},'
        '"addresses":[{"address":"10.10.1.1/24","type":"CalicoNodeIP"},'
        '{"address":"fd00::1/64","type":"CalicoNodeIP"},{"address":"10.99.0.1","type":"InternalIP"},'
        '{"address":"203.0.113.1","type":"ExternalIP"}],'
        '"interfaces":[{"name":"eth0","addresses":["10.10.1.1"]},{}]},'
        f'"status":{{"wireguardPublicKey":"{KEY}","wireguardPublicKeyV6":"unchecked",'
        '"podCIDRs":["10.244.1.0/24","fd00:244::/64"]}}'
    )


def test_what_felix_is_told_of_a_node():
    """In the original's order; the WireGuard keys whatever they hold."""
    found = kvs(NODE)
    assert list(found) == [
        "bird_ip",
        "config/IpInIpTunnelAddr",
        "config/IPv4VXLANTunnelAddr",
        "config/VXLANTunnelMACAddr",
        "config/IPv6VXLANTunnelAddr",
        "config/VXLANTunnelMACAddrV6",
        "wireguard",
    ]
    assert found["bird_ip"] == "10.10.1.1"
    assert found["config/VXLANTunnelMACAddr"] == "66:AA:bb:cc:dd:01"
    assert found["wireguard"] == (
        f'{{"interfaceIPv4Addr":"192.168.10.3","publicKey":"{KEY}",'
        '"interfaceIPv6Addr":"fd00:168::3","publicKeyV6":"unchecked"}'
    )


def test_a_node_without_annotations_is_itself_only():
    """And what it remembers of its labels: none."""
    assert kvs(bare()) == {}
    text = shown(bare())
    assert '"annotations":{"projectcalico.org/kube-labels":"null"}' in text
    assert '"spec":{"orchRefs":[{"nodeName":"n1","orchestrator":"k8s"}]},"status":{}' in text


@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        ([("ExternalIP", "203.0.113.1"), ("InternalIP", "10.0.0.1")], "10.0.0.1"),
        ([("InternalIP", "fd00::1"), ("ExternalIP", "203.0.113.1")], "203.0.113.1"),
        ([("InternalIP", "fd00::1"), ("Hostname", "10.0.0.2")], None),
        ([("InternalIP", "elm"), ("InternalIP", "10.0.0.3")], "10.0.0.3"),
    ],
)
def test_a_hosts_address_without_calicos(addresses, found):
    """The first internal one of IPv4, else the first external one."""
    status = {"addresses": [{"type": kind, "address": text} for kind, text in addresses]}
    assert kvs(bare(status=status)).get("bird_ip") == found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("IPv4Address", "fd00::1"),
        ("IPv6Address", "not-an-address"),
        ("ASNumber", "chestnut"),
        ("RouteReflectorClusterID", "10.0.0.1/8"),
        ("IPv4IPIPTunnelAddr", "300.1.1.1"),
        ("IPv4VXLANTunnelAddr", "fd00::1"),
        ("VXLANTunnelMACAddr", "zz:zz"),
        ("IPv6VXLANTunnelAddr", "10.0.0.1"),
        ("VXLANTunnelMACAddrV6", ""),
        ("IPv4WireguardInterfaceAddr", "abc"),
        ("IPv6WireguardInterfaceAddr", "fd00::1/64"),
        ("Interfaces", "{not json"),
        ("Interfaces", '[{"name":5}]'),
        ("labels", "[]"),
        ("annotations", '{"a":1}'),
    ],
)
def test_an_annotation_that_is_not_what_it_should_be_counts_as_absent(name, text):
    """Nothing else of the node changes."""
    assert kvs(node(**{name: text})) == kvs(node(**{name: None}))
    assert shown(node(**{name: text})) == shown(node(**{name: None}))


def test_a_tunnel_address_that_is_a_network_is_no_setting():
    """It stays in the resource, which then does not pass validation."""
    odd = node(IPv4IPIPTunnelAddr="10.0.0.0/8")
    assert "config/IpInIpTunnelAddr" not in kvs(odd)
    assert "10.0.0.0/8" in shown(odd)


def test_with_pod_networks_the_tunnels_address_is_the_first_of_them():
    """WireGuard has it too, if it has a key; the annotations are not read."""
    found = kvs(NODE, POD_CIDR)
    assert found["config/IpInIpTunnelAddr"] == "10.244.1.1"
    assert '"interfaceIPv4Addr":"10.244.1.1"' in found["wireguard"]
    assert "fd00:168::3" not in found["wireguard"]
    assert "interfaceIPv4Addr" not in kvs(node(WireguardPublicKey=None), POD_CIDR)["wireguard"]


def test_with_pod_networks_each_is_a_block():
    """One that is no network is left out."""
    obj = copy.deepcopy(NODE)
    obj["spec"]["podCIDRs"].append("elm")
    found = kvs(obj, POD_CIDR, felix_nodes.process_with_blocks)
    assert list(found)[-2:] == [
        "ipam/v2/assignment/ipv4/block/10.244.1.0-24",
        "ipam/v2/assignment/ipv6/block/fd00:244::-64",
    ]
    assert found["ipam/v2/assignment/ipv4/block/10.244.1.0-24"] == (
        '{"cidr":"10.244.1.0/24","affinity":"host:n1","allocations":null,"unallocated":null,'
        '"attributes":null,"sequenceNumber":0,"sequenceNumberForAllocation":null,"deleted":false}'
    )


def test_a_pod_network_that_is_named_twice_is_one_block():
    """However it is spelled: clients would be told twice that it is new, and that it is gone."""
    obj = copy.deepcopy(NODE)
    obj["spec"]["podCIDRs"] += ["10.244.1.7/24", "10.244.1.0/24"]
    keys = [kv.key for kv in felix_nodes.process_with_blocks(nodes.read(obj, POD_CIDR))]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("cidr", "address"), [("10.0.0.255/24", "10.0.0.0"), ("fd00::/64", None), ("", "192.168.10.1")]
)
def test_the_last_byte_alone_is_counted_up(cidr, address):
    """An IPv6 network gives none; without a network the annotation counts."""
    obj = copy.deepcopy(NODE)
    obj["spec"]["podCIDR"] = cidr
    assert kvs(obj, POD_CIDR).get("config/IpInIpTunnelAddr") == address


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"spec": {"podCIDR": "elm"}}, "spec.podCIDR: 'elm' is not a network"),
        ({"spec": {"podCIDR": "10.0.0.1"}}, "spec.podCIDR: '10.0.0.1' is not a network"),
        ({"spec": {"podCIDRs": "x"}}, "spec.podCIDRs: 'x' is not a list"),
        ({"status": {"addresses": [{"address": 1}]}}, "status.addresses[0].address: 1 is not"),
        ({"status": []}, "status: [] is not an object"),
    ],
)
def test_a_node_that_cannot_be_read_says_why(members, message):
    """Only that node is then left out."""
    with pytest.raises(ConversionError) as raised:
        nodes.read(bare(**members), POD_CIDR)
    assert message in str(raised.value)


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_whatever_a_node_holds_it_is_converted_or_refused(data):
    """Any JSON in place of any member."""
    survives(nodes.read, felix_nodes.process_with_blocks, data.draw(anywhere(NODE)))
