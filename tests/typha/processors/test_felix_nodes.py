"""What becomes of nodes that an etcd datastore keeps; others are tested as they are read."""

import pytest

from typha.model.resources import Resource
from typha.processors import felix_nodes


def address_of(bgp, addresses=()):
    """Return the address that other hosts are told."""
    value = {"spec": {"bgp": bgp, "addresses": list(addresses)}, "status": {}}
    kvs = {kv.key: kv.value for kv in felix_nodes.process(Resource("Node", "", "n", "5", value))}
    return kvs.get("/calico/v1/host/n/bird_ip")


INTERNAL = {"address": "10.0.0.9", "type": "InternalIP"}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("192.0.2.1/24", b"192.0.2.1"),
        ("fd00::1/64", b"fd00::1"),  # the node is unfit by it, and its address sent all the same
        ("walnut", b"10.0.0.9"),
        ("", b"10.0.0.9"),
    ],
)
def test_the_address_of_bgp_comes_first(text, sent):
    """Whatever address it is, as in the original; the others must be IPv4."""
    assert address_of({"ipv4Address": text}, [INTERNAL]) == sent
    foreign = {"address": "fd00::9", "type": "InternalIP"}
    assert address_of({}, [foreign]) is None


@pytest.mark.parametrize(
    ("member", "setting"),
    [
        ("ipv4VXLANTunnelAddr", "IPv4VXLANTunnelAddr"),
        ("ipv6VXLANTunnelAddr", "IPv6VXLANTunnelAddr"),
    ],
)
@pytest.mark.parametrize(
    ("text", "sent"), [("192.0.2.7", b"192.0.2.7"), ("fd00::0:7", b"fd00::7"), ("walnut", None)]
)
def test_the_address_of_a_tunnel_is_sent_as_go_spells_it(member, setting, text, sent):
    """One that is none has no key, and takes no other along."""
    value = {"spec": {member: text, "vxlanTunnelMACAddr": "any"}, "status": {}}
    kvs = {kv.key: kv.value for kv in felix_nodes.process(Resource("Node", "", "n", "5", value))}
    assert kvs.get(f"/calico/v1/host/n/config/{setting}") == sent
    assert kvs["/calico/v1/host/n/config/VXLANTunnelMACAddr"] == b"any"
