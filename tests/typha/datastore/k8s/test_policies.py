"""What a Kubernetes NetworkPolicy shows of itself beside its rules."""

import pytest

from typha.datastore.k8s import policies
from typha.model.resources import ConversionError, Reading
from typha.processors import policies as processor

META = {"name": "deny", "namespace": "ns1", "resourceVersion": "12", "labels": {"never": "sent"}}


def test_a_policy_keeps_its_name_and_is_in_the_default_tier():
    """Kind, namespace and name make the key; labels are nobody's business."""
    obj = {"metadata": META, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
    kvs = processor.process(policies.read(obj, Reading()))
    assert [(kv.key, kv.revision, kv.v3_resource_version) for kv in kvs] == [
        ("/calico/v1/policy/KubernetesNetworkPolicy/ns1/deny", "12", "")
    ]
    assert kvs[0].value == {
        "namespace": "ns1",
        "tier": "default",
        "order": 1000,
        "selector": "(projectcalico.org/orchestrator == 'k8s')"
        " && projectcalico.org/namespace == 'ns1'",
        "types": ["ingress", "egress"],
    }


@pytest.mark.parametrize(
    ("obj", "problem"),
    [
        ({"metadata": {**META, "uid": "not a uuid"}, "spec": {}}, "metadata.uid"),
        ({"metadata": META, "spec": "none"}, "spec: "),
        ({"metadata": {}}, "metadata.name"),
    ],
)
def test_a_policy_that_is_none_is_refused(obj, problem):
    """The reason names the member."""
    with pytest.raises(ConversionError, match=problem):
        policies.read(obj, Reading())
