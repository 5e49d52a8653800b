"""Profiles that are not made from namespaces: those an etcd datastore keeps."""

import pytest

from typha.model import encoding
from typha.model.resources import ConversionError, Resource
from typha.processors import profiles


def kvs(spec, name="a/b"):
    """Return the keys of a stored profile."""
    value = {"kind": "Profile", "metadata": {"name": name}, "spec": spec}
    return profiles.process(Resource("Profile", "", name, "5", value, "77"))


def test_a_profile_with_rules_of_its_own():
    """They are converted as those of a global policy; no labels, no key for them."""
    rules, profile = kvs(
        {"ingress": [{"action": "Deny", "protocol": "TCP", "destination": {"ports": [80]}}]}
    )
    assert rules.key == "/calico/v1/policy/profile/a%2fb/rules"
    assert encoding.encode(rules.value) == (
        b'{"inbound_rules":[{"action":"deny","protocol":"tcp","dst_ports":[80]}]}'
    )
    assert (profile.revision, profile.v3_resource_version) == ("5", "77")
    assert rules.v3_resource_version == ""


def test_labels_come_first():
    """As in the original."""
    keys = [kv.key.rpartition("/")[2] for kv in kvs({"labelsToApply": {"a": "b"}}, "p")]
    assert keys == ["labels", "rules", "p"]


def test_a_rule_that_cannot_be_read_is_named():
    """The profile is then left out."""
    with pytest.raises(ConversionError, match=r"spec\.egress"):
        kvs({"egress": [{"destination": {"ports": ["9:8"]}}]})
