"""Pods become workload endpoints."""

import copy

import pytest
from hypothesis import given, settings, strategies as st

from tests import golden_data
from tests.fuzzing import anywhere, survives
from typha.datastore.k8s import pods
from typha.model import encoding
from typha.model.resources import ConversionError, Reading
from typha.processors import workload_endpoints

VETHS = golden_data.vectors("veth")
AS_LISTED = Reading()
ANNOTATIONS = {
    "cni.projectcalico.org/podIP": "10.65.0.2/32",
    "cni.projectcalico.org/floatingIPs": '["203.0.113.1"]',
    "cni.projectcalico.org/allowedSourcePrefixes": '["10.9.8.7/16"]',
    "k8s.v1.cni.cncf.io/network-status": "[]",
    "qos.projectcalico.org/dscp": "ef",
}
POD = {
    "metadata": {
        "name": "web-0",
        "namespace": "ns1",
        "generateName": "web-",
        "resourceVersion": "101",
        "labels": {"app": "web", "pcns.evil": "x", "pcsa.evil": "y"},
        "annotations": ANNOTATIONS,
    },
    "spec": {
        "nodeName": "node-1",
        "serviceAccountName": "sa-1",
        "containers": [
            {
                "ports": [
                    {"name": "http", "containerPort": 8080, "protocol": "TCP"},
                    {"containerPort": 9090, "hostPort": 19090, "protocol": "UDP"},
                    {"containerPort": 7},
                    {"name": "odd", "containerPort": 8, "protocol": "TOFU"},
                ]
            },
            {"ports": [{"name": "dns", "containerPort": 53, "protocol": "UDP"}]},
        ],
        "initContainers": [{"ports": [{"name": "sc", "containerPort": 99, "protocol": "SCTP"}]}],
    },
    "status": {"phase": "Running", "podIP": "10.65.0.2", "podIPs": [{"ip": "10.65.0.2"}]},
}


def pod(*, metadata=(), spec=(), status=()):
    """Make the pod above with some members replaced."""
    made = copy.deepcopy(POD)
    made["metadata"].update(metadata)
    made["spec"].update(spec)
    made["status"].update(status)
    return made


def kvs(obj, reading=AS_LISTED):
    """Return the keys that a pod ends up as."""
    resource = pods.read(obj, reading)
    return None if resource is None else workload_endpoints.process(resource)


def value(obj, reading=AS_LISTED):
    """Return the value of a pod's only key."""
    (kv,) = kvs(obj, reading)
    return kv.value


@pytest.mark.golden
@pytest.mark.parametrize("folder", ["crd", "v3-crds", "pod-cidr"])
def test_recorded_pods_give_the_recorded_endpoints(folder):
    """Key, bytes and revision of each; the three that cannot be converted give none."""
    made = {}
    for obj in golden_data.items(folder, "pods"):
        try:
            made |= {kv.key: (encoding.encode(kv.value), kv.revision) for kv in kvs(obj) or ()}
        except ConversionError:
            assert obj["metadata"]["name"] in {
                "floating-bad-json",
                "spoofing-bad-cidr",
                "bad-ip-annotation",
            }
    recorded = golden_data.snapshot(folder, "felix")
    assert made == {
        key: (sent.value, sent.revision) for key, sent in recorded.items() if "/workload/" in key
    }


def test_a_pod_with_everything():
    """Labels that feign another namespace are dropped, ports without a name as well."""
    (kv,) = kvs(POD)
    assert kv.key == "/calico/v1/host/node-1/workload/k8s/ns1%2fweb-0/endpoint/eth0"
    assert kv.revision == "101"
    assert encoding.encode(kv.value).decode() == (
        '{"state":"active","name":"caliabc48332923","active_instance_id":"","mac":null,'
        '"profile_ids":["kns.ns1","ksa.ns1.sa-1"],"ipv4_nets":["10.65.0.2/32"],"ipv6_nets":null,'
        '"ipv4_nat":[{"int_ip":"10.65.0.2","ext_ip":"203.0.113.1"}],"labels":{"app":"web",'
        '"projectcalico.org/namespace":"ns1","projectcalico.org/orchestrator":"k8s",'
        '"projectcalico.org/serviceaccount":"sa-1"},"ports":[{"name":"http","protocol":"tcp",'
        '"port":8080},{"name":"dns","protocol":"udp","port":53},{"name":"sc","protocol":"sctp",'
        '"port":99}],"generate_name":"web-","allow_spoofed_source_ips":["10.9.0.0/16"],'
        '"annotations":{"k8s.v1.cni.cncf.io/network-status":"[]"},"qosControls":{"dscp":"EF"}}'
    )


@pytest.mark.parametrize("vector", VETHS, ids=lambda v: v["pod"])
def test_the_interface_has_the_name_that_the_cni_plugin_gives_it(vector):
    """By a hash of namespace and name."""
    assert pods.interface_name(vector["namespace"], vector["pod"], "cali") == vector["iface"]


def test_the_interface_prefix_can_be_another():
    """FELIX_INTERFACEPREFIX says which."""
    assert value(POD, Reading(interface_prefix="eni"))["name"] == "eniabc48332923"


@pytest.mark.parametrize("spec", [{"hostNetwork": True}, {"nodeName": ""}, {"nodeName": None}])
def test_a_pod_on_the_host_network_or_on_no_host_is_no_endpoint(spec):
    """Not even an absent one."""
    assert kvs(pod(spec=spec)) is None


@pytest.mark.parametrize(
    ("status", "annotations", "nets"),
    [
        ({"podIPs": [{"ip": "10.1.1.1"}, {"ip": "fd00::1"}]}, {}, ["10.1.1.1/32", "fd00::1/128"]),
        ({"podIPs": [], "podIP": "10.1.1.2"}, {}, ["10.1.1.2/32"]),
        (
            {"podIPs": None, "podIP": ""},
            {"cni.projectcalico.org/podIPs": "10.1.1.3/32,fd00::3/64"},
            ["10.1.1.3/32", "fd00::/64"],
        ),
        (
            {"podIPs": None, "podIP": ""},
            {"cni.projectcalico.org/podIP": "10.1.1.4"},
            ["10.1.1.4/32"],
        ),
        (
            {"podIPs": None, "podIP": ""},
            {"vpc.amazonaws.com/pod-ips": "10.1.1.5"},
            ["10.1.1.5/32"],
        ),
        ({"podIPs": None, "podIP": ""}, {}, None),
    ],
)
def test_addresses_come_from_the_first_source_that_has_any(status, annotations, nets):
    """Status before annotations; a pod without any gives no key."""
    made = kvs(pod(status=status, metadata={"annotations": annotations}))
    if nets is None:
        assert made == []
    else:
        found = made[0].value
        assert (found["ipv4_nets"] or []) + (found["ipv6_nets"] or []) == nets


@pytest.mark.parametrize(
    ("phase", "deleted", "annotations", "gone"),
    [
        ("Succeeded", False, {}, True),
        ("Failed", False, {}, True),
        ("Completed", False, {}, True),
        ("Unknown", False, {}, False),
        ("Running", True, {}, False),
        ("Running", True, {"cni.projectcalico.org/podIP": "10.65.0.2/32"}, False),
        ("Running", True, {"cni.projectcalico.org/podIP": ""}, True),
        ("Running", True, {"vpc.amazonaws.com/pod-ips": ""}, True),
        ("Running", False, {"cni.projectcalico.org/podIP": ""}, False),
    ],
)
def test_a_finished_pod_has_no_address(phase, deleted, annotations, gone):
    """Whatever its status still says."""
    metadata = {"annotations": annotations}
    if deleted:
        metadata["deletionTimestamp"] = "2024-01-02T03:04:05Z"
    assert (kvs(pod(status={"phase": phase}, metadata=metadata)) == []) is gone


def test_a_long_account_name_is_a_label_all_the_same():
    """And one forged in the pod's labels gives way to it."""
    account = "a" * 70
    labels = {"projectcalico.org/serviceaccount": "forged"}
    found = value(pod(spec={"serviceAccountName": account}, metadata={"labels": labels}))["labels"]
    assert found["projectcalico.org/serviceaccount"] == account


def test_floating_addresses_need_an_inner_one_of_their_family():
    """And one that is no address is dropped with its pair."""
    annotations = {"cni.projectcalico.org/floatingIPs": '["203.0.113.1","2001:db8::1","walnut"]'}
    found = value(pod(metadata={"annotations": annotations}))
    assert found["ipv4_nat"] == [{"int_ip": "10.65.0.2", "ext_ip": "203.0.113.1"}]
    assert "ipv6_nat" not in found


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"status": {"podIPs": [{"ip": "elm"}]}}, "'elm', an address of the pod"),
        (
            {"status": {"podIPs": [{"ip": "elm"}], "phase": "Failed"}},
            "'elm', an address of the pod",
        ),
        ({"status": {"podIPs": {}, "podIP": 7}}, "status.podIP: 7 is not a text"),
        ({"spec": {"nodeName": "-n"}}, "'-n', in an endpoint's name"),
        ({"spec": {"hostNetwork": "true"}}, "spec.hostNetwork: 'true' is not true or false"),
        ({"spec": {"containers": {"a": 1}}}, "spec.containers: {'a': 1} is not a list"),
        (
            {"spec": {"containers": [{"ports": [{"containerPort": "80"}]}]}},
            "spec.containers[].ports[].containerPort: '80' is not a whole number",
        ),
        ({"metadata": {"labels": {"a": 5}}}, "metadata.labels[a]: 5 is not a text"),
        (
            {"metadata": {"annotations": {"cni.projectcalico.org/floatingIPs": ""}}},
            "floatingIPs]: not a JSON list of texts",
        ),
        (
            {"metadata": {"annotations": {"cni.projectcalico.org/allowedSourcePrefixes": "[1]"}}},
            "allowedSourcePrefixes][0]: 1 is not a text",
        ),
        (
            {
                "metadata": {
                    "annotations": {"cni.projectcalico.org/allowedSourcePrefixes": '["1.2.3.4"]'}
                }
            },
            "'1.2.3.4' is not a network with a prefix length",
        ),
        (
            {
                "metadata": {
                    "annotations": {
                        "cni.projectcalico.org/podIP": "10.0.0.0/24",
                        "cni.projectcalico.org/floatingIPs": "[]",
                    }
                },
                "status": {"podIPs": None, "podIP": None},
            },
            "10.0.0.0/24, an address with floating ones, is a whole network",
        ),
    ],
)
def test_a_pod_that_cannot_be_read_says_why(members, message):
    """Only that pod is then left out."""
    with pytest.raises(ConversionError) as raised:
        kvs(pod(**members))
    assert message in str(raised.value)


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_whatever_a_pod_holds_it_is_converted_or_refused(data):
    """Any JSON in place of any member."""
    survives(pods.read, workload_endpoints.process, data.draw(anywhere(POD)))
