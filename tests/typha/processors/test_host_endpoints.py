"""Host endpoints say which interface of which node they are."""

import pytest

from typha.model import encoding
from typha.model.resources import ConversionError, Resource
from typha.processors import host_endpoints


def process(spec, **metadata):
    """Convert an endpoint stored as "stored"."""
    value = {"metadata": {"name": "hep1", **metadata}, "spec": spec}
    return host_endpoints.process(Resource("HostEndpoint", "", "stored", "5", value))


FULL = {
    "ports": [{"port": 22, "protocol": "TCP", "name": "ssh"}, {"name": "n", "protocol": "6"}],
    "profiles": ["projectcalico-default-allow"],
    "expectedIPs": ["fd00::1", "192.168.0.1", "chestnut", "10.0.0.0/8"],
    "interfaceName": "eth0",
    "node": "node-1",
}


def test_members_are_sent_in_gos_order():
    """Addresses by family, without what is none; a port may lack its number."""
    annotations = {"qos.projectcalico.org/dscp": "af11"}
    (kv,) = process(FULL, labels={"b": "1", "a": "2"}, annotations=annotations)
    assert kv.key == "/calico/v1/host/node-1/endpoint/hep1"
    assert encoding.encode(kv.value) == (
        b'{"name":"eth0","expected_ipv4_addrs":["192.168.0.1"],'
        b'"expected_ipv6_addrs":["fd00::1"],"labels":{"a":"2","b":"1"},'
        b'"profile_ids":["projectcalico-default-allow"],'
        b'"ports":[{"name":"ssh","protocol":"tcp","port":22},'
        b'{"name":"n","protocol":6,"port":0}],"qosControls":{"dscp":"AF11"}}'
    )


def test_only_labels_are_said_when_there_are_none():
    """As null."""
    (kv,) = process({"node": "n"}, annotations={"qos.projectcalico.org/dscp": "99"})
    assert kv.value == {"labels": None}


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({}, "node is missing"),
        ({"node": 1}, "spec.node"),
        ({"node": "n", "ports": [{"port": 70000}]}, r"spec.ports\[0\].port"),
        ({"node": "n", "expectedIPs": "10.0.0.1"}, "spec.expectedIPs"),
    ],
)
def test_an_endpoint_without_a_node_or_with_wrong_types_is_refused(spec, problem):
    """It has no key."""
    with pytest.raises(ConversionError, match=problem):
        process(spec)
