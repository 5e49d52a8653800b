"""IPAM's blocks."""

import pytest
from hypothesis import given, settings, strategies as st

from tests.fuzzing import anywhere, survives
from typha.datastore.k8s import ipam
from typha.model import encoding
from typha.model.resources import ConversionError, Reading
from typha.processors import passthrough

BLOCK = {
    "metadata": {"name": "10-65-0-0-30", "resourceVersion": "5"},
    "spec": {
        "cidr": "10.65.0.1/30",
        "affinity": "host:node-1",
        "affinityClaimTime": "2024-05-06T07:08:09Z",
        "strictAffinity": True,
        "allocations": [0, None, 1, None],
        "unallocated": [1, 3],
        "attributes": [
            {"secondary": {"pod": "p", "node": "node-1"}, "handle_id": "h1"},
            {"handle_id": "h2", "secondary": {}},
            {},
        ],
        "sequenceNumber": 1700000000000000001,
        "sequenceNumberForAllocation": {"2": 7, "10": 5},
        "deleted": True,
    },
}


def sent(spec):
    """Return the only key and its text for a block with this spec."""
    obj = {"metadata": BLOCK["metadata"], "spec": spec}
    (kv,) = passthrough.process_block(ipam.read(obj, Reading()))
    return kv.key, encoding.encode(kv.value).decode()


def test_a_block_is_keyed_by_its_network():
    """Masked; one that is marked as deleted is sent all the same."""
    assert sent(BLOCK["spec"]) == (
        "/calico/ipam/v2/assignment/ipv4/block/10.65.0.0-30",
        (
            '{"cidr":"10.65.0.0/30","affinity":"host:node-1",'
            '"affinity_claim_time":"2024-05-06T07:08:09Z","allocations":[0,null,1,null],'
            '"unallocated":[1,3],"attributes":[{"handle_id":"h1","secondary":{"node":"node-1","pod":"p"}},'
            '{"handle_id":"h2"},{}],"sequenceNumber":1700000000000000001,'
            '"sequenceNumberForAllocation":{"10":5,"2":7},"deleted":true}'
        ),
    )


def test_what_a_block_does_not_say():
    """Null, zero or empty, never left out."""
    assert sent({"cidr": "fd00::/122"}) == (
        "/calico/ipam/v2/assignment/ipv6/block/fd00::-122",
        (
            '{"cidr":"fd00::/122","affinity":null,"allocations":null,"unallocated":null,'
            '"attributes":[],"sequenceNumber":0,"sequenceNumberForAllocation":null,"deleted":false}'
        ),
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (None, "spec.cidr: '' is not a network"),
        ({"cidr": "10.65.0.0"}, "spec.cidr: '10.65.0.0' is not a network"),
        ({"cidr": "10.0.0.0/8", "deleted": "true"}, "spec.deleted: 'true' is not true or false"),
        ({"cidr": "10.0.0.0/8", "allocations": ["1"]}, "spec.allocations[0]: '1' is not a whole"),
        ({"cidr": "10.0.0.0/8", "sequenceNumber": -1}, "spec.sequenceNumber: -1 is not a whole"),
    ],
)
def test_a_block_that_cannot_be_read_says_why(spec, message):
    """In the original it keeps all blocks from clients."""
    with pytest.raises(ConversionError) as raised:
        sent(spec)
    assert message in str(raised.value)


@given(st.data())
@settings(deadline=None, max_examples=80)
def test_whatever_a_block_holds_it_is_converted_or_refused(data):
    """Any JSON in place of any member."""
    survives(ipam.read, passthrough.process_block, data.draw(anywhere(BLOCK)))
