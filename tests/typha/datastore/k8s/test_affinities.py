"""BlockAffinity objects of either group."""

import pytest

from typha.datastore.k8s import affinities
from typha.model.resources import KV, ConversionError, Reading
from typha.processors import affinities as processor


def affinity(**spec):
    """Return an object with a good spec, changed as given."""
    good = {"cidr": "10.65.0.0/26", "node": "node-1", "state": "confirmed", "deleted": "false"}
    metadata = {"name": "node-1-10-65-0-0-26", "resourceVersion": "7"}
    return {"metadata": metadata, "spec": good | spec}


@pytest.mark.parametrize(
    ("spec", "key", "value"),
    [
        ({}, "host/node-1/ipv4/block/10.65.0.0-26", {"state": "confirmed", "deleted": False}),
        (
            {"type": "host", "deleted": False, "cidr": "fd00:65::1/122", "state": "pending"},
            "host/node-1/ipv6/block/fd00:65::-122",
            {"state": "pending", "deleted": False},
        ),
        (
            {"deleted": "", "state": None},
            "host/node-1/ipv4/block/10.65.0.0-26",
            {"state": "", "deleted": False},
        ),
        (
            {"deleted": "0"},
            "host/node-1/ipv4/block/10.65.0.0-26",
            {"state": "confirmed", "deleted": False},
        ),
    ],
)
def test_an_affinity_has_the_key_of_its_block(spec, key, value):
    """`deleted` is a text in one group and a truth value in the other."""
    kvs = processor.process(affinities.read(affinity(**spec), Reading()))
    assert kvs == [KV(f"/calico/ipam/v2/{key}", value, "7")]


@pytest.mark.parametrize("live", [False, True])
def test_affinities_of_other_types_are_not_for_clients(live):
    """They could not parse the key."""
    virtual = affinity(type="virtual", node="load-balancer")
    assert affinities.read(virtual, Reading(live=live)) is None


@pytest.mark.parametrize("deleted", [True, "true", "T", "1"])
def test_one_that_is_marked_deleted_is_told_while_it_happens(deleted):
    """A list leaves it out, a watch event does not."""
    going = affinity(deleted=deleted)
    assert affinities.read(going, Reading()) is None
    [kv] = processor.process(affinities.read(going, Reading(live=True)))
    assert kv.value == {"state": "confirmed", "deleted": True}


@pytest.mark.parametrize(
    ("spec", "told"),
    [({"cidr": "10.65.0.0"}, "cidr"), ({"deleted": "yes"}, "deleted"), ({"state": 1}, "state")],
)
def test_what_cannot_be_read_says_why(spec, told):
    """Only this object is absent then."""
    with pytest.raises(ConversionError, match=told):
        affinities.read(affinity(**spec), Reading())


def test_one_of_no_node_has_no_key():
    """The original refuses such a key as well."""
    with pytest.raises(ConversionError):
        processor.process(affinities.read(affinity(node=""), Reading()))
