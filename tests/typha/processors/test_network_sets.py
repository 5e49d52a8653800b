"""Network sets keep the nets that can be read, and their labels."""

import pytest

from typha.model.resources import ConversionError, Resource
from typha.processors import network_sets


def resource(namespace, metadata, spec):
    """Make a set stored as "stored", whatever name it shows."""
    value = {"metadata": {"name": "shown", **metadata}, "spec": spec}
    return Resource("NetworkSet", namespace, "stored", "5", value)


def test_a_namespaced_set_is_labelled_with_its_namespace_and_inherits_its_labels():
    """A forged namespace label does not last, and labels are sorted."""
    labels = {"z": "1", "projectcalico.org/namespace": "forged", "a": "2"}
    spec = {"nets": ["10.0.0.1", "not a net", "10.1.2.3/8", "fd00::/64", "10.0.0.1"]}
    (kv,) = network_sets.process(resource("ns", {"labels": labels}, spec))
    assert kv.key == "/calico/v1/netset/ns%2fstored"
    assert list(kv.value.items()) == [
        ("nets", ["10.0.0.1/32", "10.0.0.0/8", "fd00::/64", "10.0.0.1/32"]),
        ("labels", {"a": "2", "projectcalico.org/namespace": "ns", "z": "1"}),
        ("profile_ids", ["kns.ns"]),
    ]
    assert list(kv.value["labels"]) == ["a", "projectcalico.org/namespace", "z"]


@pytest.mark.parametrize("labels", [None, {}])
def test_a_global_set_has_the_name_it_shows_and_says_null_for_no_labels(labels):
    """Its nets are left out when there are none."""
    (kv,) = network_sets.process_global(resource("", {"labels": labels}, {"nets": ["bad"]}))
    assert (kv.key, kv.value) == ("/calico/v1/netset/shown", {"labels": None})


@pytest.mark.parametrize("spec", [{"nets": "10.0.0.0/8"}, {"nets": [8]}, []])
def test_what_calicos_types_cannot_hold_is_refused(spec):
    """By name."""
    with pytest.raises(ConversionError, match=r"^spec"):
        network_sets.process(resource("ns", {}, spec))
