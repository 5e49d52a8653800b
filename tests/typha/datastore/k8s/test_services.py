"""Services and endpoint slices are passed through, typed."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from tests.fuzzing import anywhere, survives
from typha.datastore.k8s import services
from typha.model import encoding
from typha.model.resources import ConversionError, Reading
from typha.processors import passthrough

META = {
    "name": "svc",
    "namespace": "ns1",
    "resourceVersion": "9",
    "creationTimestamp": "2024-01-02T03:04:05Z",
}
SHOWN = '"metadata":{"name":"svc","namespace":"ns1","creationTimestamp":"2024-01-02T03:04:05Z"}'
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": META,
    "spec": {
        "type": "LoadBalancer",
        "clusterIP": "10.96.0.1",
        "clusterIPs": ["10.96.0.1"],
        "externalIPs": [],
        "selector": {"b": "2", "a": "1"},
        "ports": [
            {"targetPort": "http", "port": 80, "protocol": "TCP", "name": "web", "nodePort": 0},
            {"port": 81, "unknown": 1},
        ],
        "publishNotReadyAddresses": False,
        "allocateLoadBalancerNodePorts": False,
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10}},
        "loadBalancerClass": "",
    },
    "status": {
        "loadBalancer": {"ingress": [{"hostname": "", "ip": "203.0.113.1", "ports": []}]},
        "conditions": [{"type": "T", "lastTransitionTime": None}],
    },
}
SLICE = {
    "metadata": META,
    "addressType": "IPv4",
    "ports": [{"port": 8080, "name": "", "protocol": "TCP"}],
    "endpoints": [
        {
            "conditions": {"terminating": False, "ready": True},
            "addresses": ["10.65.0.2"],
            "targetRef": {"name": "web-0", "kind": "Pod", "resourceVersion": "7"},
            "hints": {"forZones": [{"name": "z"}], "forNodes": []},
            "deprecatedTopology": {},
            "zone": "z",
        },
        {},
    ],
}


def sent(read, obj):
    """Return the only key, its text and its resource version."""
    (kv,) = passthrough.process(read(obj, Reading()))
    return kv.key, encoding.encode(kv.value).decode(), kv.revision, kv.v3_resource_version


def test_a_service_keeps_what_its_type_knows_in_its_types_order():
    """Pointers to zero stay, plain zeros go, and the target port is always there."""
    key, text, *versions = sent(services.read_service, SERVICE)
    assert key == "/calico/resources/v3/projectcalico.org/kubernetesservice/ns1/svc"
    assert versions == ["9", "9"]
    assert text == (
        f'{{{SHOWN},"spec":{{"ports":[{{"name":"web","protocol":"TCP","port":80,"targetPort":"http"}},'
        '{"port":81,"targetPort":0}],"selector":{"a":"1","b":"2"},"clusterIP":"10.96.0.1",'
        '"clusterIPs":["10.96.0.1"],"type":"LoadBalancer","sessionAffinityConfig":'
        '{"clientIP":{"timeoutSeconds":10}},"allocateLoadBalancerNodePorts":false,'
        '"loadBalancerClass":""},"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.1"}]},'
        '"conditions":[{"type":"T","status":"","lastTransitionTime":null,"reason":"","message":""}]}}'
    )


def test_an_empty_service_prints_its_structs():
    """Spec, status and load balancer."""
    _, text, *_ = sent(services.read_service, {"metadata": META})
    assert text == f'{{{SHOWN},"spec":{{}},"status":{{"loadBalancer":{{}}}}}}'


FULL_SERVICE = {
    "metadata": META,
    "spec": {
        "ports": [
            {
                "name": "web",
                "protocol": "TCP",
                "appProtocol": "kubernetes.io/ws",
                "port": 80,
                "targetPort": 8080,
                "nodePort": 30080,
            }
        ],
        "selector": {"a": "1"},
        "clusterIP": "10.96.0.1",
        "clusterIPs": ["10.96.0.1", "fd00::1"],
        "type": "LoadBalancer",
        "externalIPs": ["198.51.100.1"],
        "sessionAffinity": "ClientIP",
        "loadBalancerIP": "203.0.113.1",
        "loadBalancerSourceRanges": ["192.0.2.0/24"],
        "externalName": "example.org",
        "externalTrafficPolicy": "Local",
        "healthCheckNodePort": 30100,
        "publishNotReadyAddresses": True,
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10}},
        "ipFamilies": ["IPv4", "IPv6"],
        "ipFamilyPolicy": "PreferDualStack",
        "allocateLoadBalancerNodePorts": True,
        "loadBalancerClass": "example.org/lb",
        "internalTrafficPolicy": "Cluster",
        "trafficDistribution": "PreferClose",
    },
    "status": {
        "loadBalancer": {
            "ingress": [
                {
                    "ip": "203.0.113.1",
                    "hostname": "lb.example.org",
                    "ipMode": "VIP",
                    "ports": [{"port": 80, "protocol": "TCP", "error": "example.org/none"}],
                }
            ]
        },
        "conditions": [
            {
                "type": "T",
                "status": "True",
                "observedGeneration": 1,
                "lastTransitionTime": "2024-01-02T03:04:05Z",
                "reason": "R",
                "message": "m",
            }
        ],
    },
}
FULL_SLICE = {
    "metadata": META,
    "addressType": "IPv4",
    "endpoints": [
        {
            "addresses": ["10.65.0.2"],
            "conditions": {"ready": True, "serving": True, "terminating": True},
            "hostname": "web-0",
            "targetRef": {
                "kind": "Pod",
                "namespace": "ns1",
                "name": "web-0",
                "uid": "u",
                "apiVersion": "v1",
                "resourceVersion": "7",
                "fieldPath": "spec",
            },
            "deprecatedTopology": {"a": "1"},
            "nodeName": "n1",
            "zone": "z",
            "hints": {"forZones": [{"name": "z"}], "forNodes": [{"name": "n1"}]},
        }
    ],
    "ports": [{"name": "web", "protocol": "TCP", "port": 8080, "appProtocol": "http"}],
}


@pytest.mark.parametrize(
    ("read", "full"),
    [(services.read_service, FULL_SERVICE), (services.read_endpoint_slice, FULL_SLICE)],
    ids=["service", "slice"],
)
def test_every_member_that_the_api_has_is_passed_on(read, full):
    """With its value; of the metadata all but the revision, which has a place of its own."""
    shown = {name: value for name, value in META.items() if name != "resourceVersion"}
    value = json.loads(encoding.encode(read(full, Reading()).value))
    assert value == {**full, "metadata": shown}


def test_a_slice_prints_addresses_and_conditions_of_each_endpoint():
    """Null and empty, where there are none."""
    key, text, *_ = sent(services.read_endpoint_slice, SLICE)
    assert key == "/calico/resources/v3/projectcalico.org/kubernetesendpointslices/ns1/svc"
    assert text == (
        f'{{{SHOWN},"addressType":"IPv4","endpoints":[{{"addresses":["10.65.0.2"],"conditions":'
        '{"ready":true,"terminating":false},"targetRef":{"kind":"Pod","name":"web-0",'
        '"resourceVersion":"7"},"zone":"z","hints":{"forZones":[{"name":"z"}]}},'
        '{"addresses":null,"conditions":{}}],"ports":[{"name":"","protocol":"TCP","port":8080}]}'
    )


@pytest.mark.parametrize("empty", [[], None])
def test_empty_lists_of_a_slice_are_null(empty):
    """The original reads them as protobuf, which has no empty list."""
    _, text, *_ = sent(
        services.read_endpoint_slice, {"metadata": META, "endpoints": empty, "ports": empty}
    )
    assert text == f'{{{SHOWN},"addressType":"","endpoints":null,"ports":null}}'


@pytest.mark.parametrize(
    ("read", "obj", "message"),
    [
        (
            services.read_service,
            {"metadata": META, "spec": {"ports": [{"port": "80"}]}},
            "spec.ports[0].port: '80' is not a whole number",
        ),
        (
            services.read_endpoint_slice,
            {"metadata": META, "endpoints": [{}, {"addresses": [7]}]},
            "endpoints[1].addresses[0]: 7 is not a text",
        ),
        (services.read_service, {"metadata": {**META, "namespace": ""}}, "the namespace of a"),
    ],
)
def test_what_cannot_be_read_or_keyed_says_why(read, obj, message):
    """Only that object is then left out."""
    with pytest.raises(ConversionError) as raised:
        sent(read, obj)
    assert message in str(raised.value)


@given(st.data())
@settings(deadline=None, max_examples=80)
def test_whatever_they_hold_they_are_converted_or_refused(data):
    """Any JSON in place of any member."""
    survives(services.read_service, passthrough.process, data.draw(anywhere(SERVICE)))
    survives(services.read_endpoint_slice, passthrough.process, data.draw(anywhere(SLICE)))
