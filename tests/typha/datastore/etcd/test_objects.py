"""Stored values, read as resources."""

import pytest

from typha.datastore.etcd import kinds, objects
from typha.model import stored
from typha.model.resources import ConversionError, Reading
from typha.processors import affinities

READ_NODE = objects.passed_through("Node", spec=stored.NODE, status=stored.NODE_STATUS)


def read(reader, value, name="n", namespace=""):
    """Read a value stored at revision 7."""
    return reader(kinds.envelope(namespace, name, 7, value), Reading())


def test_the_key_names_the_object_and_the_value_shows_itself():
    """Kind, API version and name are what was stored, even if they make no sense."""
    value = {
        "kind": "X",
        "apiVersion": "y/v1",
        "metadata": {"name": "other", "resourceVersion": "77", "uid": "not-converted"},
    }
    resource = read(READ_NODE, value, name="node-1")
    assert (resource.name, resource.revision, resource.v3_resource_version) == (
        "node-1",
        "7",
        "77",
    )
    assert resource.value == {
        "kind": "X",
        "apiVersion": "y/v1",
        "metadata": {"name": "other", "uid": "not-converted", "creationTimestamp": None},
        "spec": {},
        "status": {},
    }
    assert list(resource.value)[:2] == ["kind", "apiVersion"]


def test_what_was_not_stored_is_not_shown():
    """Neither kind nor API version is made up; a name is, since one is needed."""
    resource = read(READ_NODE, {"spec": {"unheard": 1}}, name="node-1")
    assert "kind" not in resource.value
    assert "apiVersion" not in resource.value
    assert resource.value["metadata"]["name"] == "node-1"
    assert resource.value["spec"] == {}


def test_nothing_is_filled_in():
    """Unlike in Kubernetes, a tier may have no order."""
    value = {"metadata": {"name": "t"}, "spec": {}}
    assert read(objects.processed("Tier"), value).value["spec"] == {}


def test_the_built_in_profile_is_not_read_from_a_stored_one():
    """It is always there, as it always was."""
    reader = objects.profile()
    assert read(reader, {"metadata": {}}, name="projectcalico-default-allow") is None
    assert read(reader, {"metadata": {}}, name="kns.a").name == "kns.a"


def test_a_profiles_rules_are_shown_as_stored():
    """Protocols by the name they were given, ports and numeric text as Go prints them."""
    rule = {
        "source": {"notPorts": ["9:10", "80"]},
        "action": "Allow",
        "protocol": "UDPLite",
        "notProtocol": "6",
        "icmp": {"type": 8, "code": None},
        "metadata": {"annotations": {"b": "1", "a": "2"}},
    }
    resource = read(objects.profile(), {"spec": {"egress": [rule]}})
    [shown] = resource.value["spec"]["egress"]
    assert list(shown.items()) == [
        ("action", "Allow"),
        ("protocol", "UDPLite"),
        ("icmp", {"type": 8}),
        ("notProtocol", 6),
        ("source", {"notPorts": ["9:10", 80]}),
        ("destination", {}),
        ("metadata", {"annotations": {"a": "2", "b": "1"}}),
    ]


BLOCK = "ipv4/block/10.0.0.0-26"


def test_a_block_is_known_by_its_key_and_shown_by_its_value():
    """Host bits are kept there, as in the original; what is missing is null or nothing."""
    resource = read(objects.read_block, {"cidr": "10.0.0.1/26", "hostAffinity": "h"}, name=BLOCK)
    assert resource.name == "10.0.0.0/26"
    assert resource.value == {
        "cidr": "10.0.0.1/26",
        "affinity": None,
        "allocations": None,
        "unallocated": None,
        "attributes": None,
        "sequenceNumber": 0,
        "sequenceNumberForAllocation": None,
        "deleted": False,
        "hostAffinity": "h",
    }


def test_an_affinity_belongs_to_the_host_in_its_key():
    """Its value has only the state; one that is deleted is told."""
    name = "node-1/ipv6/block/fd00::-122"
    resource = read(objects.read_affinity, {"state": "pending", "deleted": True}, name=name)
    [kv] = affinities.process(resource)
    assert kv.key == "/calico/ipam/v2/host/node-1/ipv6/block/fd00::-122"
    assert kv.value == {"state": "pending", "deleted": True}
    assert kv.revision == "7"


@pytest.mark.parametrize(
    ("reader", "value", "name"),
    [
        (READ_NODE, None, "n"),
        (READ_NODE, "text", "n"),
        (READ_NODE, {"metadata": []}, "n"),
        (READ_NODE, {"kind": 1}, "n"),
        (READ_NODE, {"spec": {"bgp": 1}}, "n"),
        (objects.processed("Tier"), [], "n"),
        (objects.processed("Tier"), {"spec": 1}, "n"),
        (objects.read_block, {"cidr": "10.0.0.0"}, "ipv4/block/10.0.0.0-33"),
        (objects.read_block, {"cidr": "elm"}, BLOCK),
        (objects.read_block, "garbage", BLOCK),
        (objects.read_block, {"cidr": "10.0.0.0/26", "deleted": "yes"}, BLOCK),
        (objects.read_affinity, {}, "n/ipv4/block/elm"),
        (objects.read_affinity, {"state": 1}, "n/ipv4/block/10.0.0.0-26"),
    ],
)
def test_what_cannot_be_read_raises_the_documented_error(reader, value, name):
    """So that only this object is left out."""
    with pytest.raises(ConversionError):
        read(reader, value, name=name)
