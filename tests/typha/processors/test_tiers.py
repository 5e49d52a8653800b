"""Tiers say their order and what becomes of traffic that no policy of theirs matches."""

import pytest

from typha.model import encoding
from typha.model.resources import ConversionError, Resource
from typha.processors import tiers


def value(spec):
    """Convert a tier, and encode what it becomes."""
    kvs = tiers.process(Resource("Tier", "", "sec", "3", {"spec": spec}))
    assert [kv.key for kv in kvs] == ["/calico/v1/policy/tier/sec/metadata"]
    return encoding.encode(kvs[0].value)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"order": 100.0, "defaultAction": "Pass"}, b'{"order":100,"defaultAction":"Pass"}'),
        ({"order": 200.5, "defaultAction": "Deny"}, b'{"order":200.5,"defaultAction":"Deny"}'),
        ({"order": 0, "defaultAction": "Allow"}, b'{"order":0,"defaultAction":"Deny"}'),
        ({}, b'{"defaultAction":"Deny"}'),
    ],
)
def test_anything_but_pass_is_deny(spec, text):
    """And an order that is not given is not said."""
    assert value(spec) == text


@pytest.mark.parametrize("spec", [{"order": "1"}, {"defaultAction": 1}])
def test_what_calicos_types_cannot_hold_is_refused(spec):
    """By name."""
    with pytest.raises(ConversionError, match=r"^spec\.(order|defaultAction): "):
        value(spec)
