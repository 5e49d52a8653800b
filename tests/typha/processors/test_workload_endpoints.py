"""Workload endpoints that are not made from pods: those an etcd datastore keeps."""

import pytest

from typha.model import encoding, typed, workloads
from typha.model.resources import ConversionError, Resource
from typha.processors import workload_endpoints


def kvs(name="n-cni-w--1-eth0", metadata=(), **spec):
    """Return the keys of a stored endpoint."""
    value = {
        "metadata": dict(metadata),
        "spec": typed.retype(workloads.SPEC, spec, "spec"),
    }
    resource = Resource("WorkloadEndpoint", "ns1", name, "5", value)
    return workload_endpoints.process(resource)


def test_an_endpoint_of_another_orchestrator():
    """Gateways and hardware address are sent if they are there."""
    (kv,) = kvs(
        metadata={"labels": {"pcns.a": "b", "z": "1", "c": "2"}, "annotations": {"k": "v"}},
        ipNetworks=["10.0.0.1", "fd00::1/128"],
        interfaceName="cali1",
        mac="66-AA-BB-CC-DD-01",
        ipv4Gateway="10.0.0.254/24",
        ipv6Gateway="fd00::ff",
        ports=[{"name": "a", "protocol": "6", "port": 1}, {"protocol": "UDP", "port": 2}],
        qosControls={"egressBurst": 5},
    )
    assert kv.key == "/calico/v1/host/n/workload/cni/ns1%2fw-1/endpoint/eth0"
    assert encoding.encode(kv.value).decode() == (
        '{"state":"active","name":"cali1","active_instance_id":"","mac":"66:aa:bb:cc:dd:01",'
        '"profile_ids":null,"ipv4_nets":["10.0.0.1/32"],"ipv6_nets":["fd00::1/128"],'
        '"labels":{"c":"2","z":"1"},"ipv4_gateway":"10.0.0.254","ipv6_gateway":"fd00::ff",'
        '"ports":[{"name":"a","protocol":6,"port":1}],"annotations":{"k":"v"},'
        '"qosControls":{"egressBurst":5}}'
    )


def test_what_is_stored_empty_is_not_there():
    """But a list of no profiles is one."""
    (kv,) = kvs(ipNetworks=["10.0.0.1"], mac="", ipv4Gateway="", ipv6Gateway="", profiles=[])
    assert kv.value["mac"] is None
    assert {"ipv4_gateway", "ipv6_gateway"}.isdisjoint(kv.value)
    assert kv.value["profile_ids"] == []


def test_controls_that_control_nothing_are_sent_as_such():
    """They are stored, and the original keeps what is."""
    (kv,) = kvs(ipNetworks=["10.0.0.1"], qosControls={"ingressMaxConnections": 0})
    assert kv.value["qosControls"] == {}
    (kv,) = kvs(ipNetworks=["10.0.0.1"], qosControls=None)
    assert "qosControls" not in kv.value


def test_an_endpoint_without_address_is_none():
    """Felix could make no rules for it."""
    assert kvs(interfaceName="cali1") == []


def test_an_endpoint_with_no_more_than_an_address():
    """Its labels are there, and empty."""
    (kv,) = kvs(ipNetworks=["fd00::1"])
    assert encoding.encode(kv.value).decode() == (
        '{"state":"active","name":"","active_instance_id":"","mac":null,"profile_ids":null,'
        '"ipv4_nets":null,"ipv6_nets":["fd00::1/128"],"labels":{}}'
    )


def test_addresses_of_both_families_are_paired_by_the_inner_one():
    """The outer one may be of either."""
    (kv,) = kvs(
        ipNetworks=["10.0.0.1"],
        ipNATs=[
            {"internalIP": "10.0.0.1", "externalIP": "2001:db8::1"},
            {"internalIP": "fd00::1", "externalIP": "203.0.113.1"},
            {"internalIP": "10.0.0.1/32", "externalIP": "203.0.113.1"},
            {},
        ],
    )
    assert kv.value["ipv4_nat"] == [{"int_ip": "10.0.0.1", "ext_ip": "2001:db8::1"}]
    assert kv.value["ipv6_nat"] == [{"int_ip": "fd00::1", "ext_ip": "203.0.113.1"}]


def test_a_name_that_is_not_an_endpoints_is_refused():
    """There could be no key."""
    with pytest.raises(ConversionError, match="is not <node>-<orchestrator>"):
        kvs(name="odd", ipNetworks=["10.0.0.1"])
