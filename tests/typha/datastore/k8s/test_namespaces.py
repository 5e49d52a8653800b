"""Namespaces and service accounts become profiles."""

import pytest
from hypothesis import given, settings, strategies as st

from tests.fuzzing import anywhere, survives
from typha.datastore.k8s import namespaces
from typha.model import encoding
from typha.model.resources import ConversionError, Reading
from typha.processors import profiles

LISTED, WATCHED = Reading(), Reading(live=True)
NAMESPACE = {
    "metadata": {
        "name": "ns1",
        "uid": "7a2f1c3e-9b4d-4e5f-8a6b-0c1d2e3f4a5b",
        "resourceVersion": "124",
        "creationTimestamp": "2024-01-02T03:04:05Z",
        "labels": {"team": "a", "projectcalico.org/name": "pretender"},
        "annotations": {"note": "not copied"},
    }
}
ACCOUNT = {"metadata": {**NAMESPACE["metadata"], "name": "sa-1", "namespace": "ns1"}}


def texts(resource):
    """Return the keys that a profile becomes, with their texts."""
    return [
        (kv.key, encoding.encode(kv.value).decode(), kv.revision, kv.v3_resource_version)
        for kv in profiles.process(resource)
    ]


def test_a_namespace_allows_everything_and_lends_its_labels():
    """Its name is one of them, whatever its own label says."""
    labels = '{"pcns.projectcalico.org/name":"ns1","pcns.team":"a"}'
    rule = '{"action":"Allow","source":{},"destination":{}}'
    profile = (
        '{"kind":"Profile","apiVersion":"projectcalico.org/v3","metadata":{"name":"kns.ns1",'
        '"uid":"5ef4387c-d9b2-4efa-8ad6-30b874fc52da","creationTimestamp":"2024-01-02T03:04:05Z"},'
        f'"spec":{{"ingress":[{rule}],"egress":[{rule}],"labelsToApply":{labels}}}}}'
    )
    rules = '{"inbound_rules":[{"action":"allow"}],"outbound_rules":[{"action":"allow"}]}'
    assert texts(namespaces.read_namespace(NAMESPACE, LISTED)) == [
        ("/calico/v1/policy/profile/kns.ns1/labels", labels, "124/", ""),
        ("/calico/v1/policy/profile/kns.ns1/rules", rules, "124/", ""),
        ("/calico/resources/v3/projectcalico.org/profiles/kns.ns1", profile, "124/", ""),
    ]


def test_a_service_account_lends_labels_only():
    """Its rules are there, and empty."""
    labels, rules, profile = texts(namespaces.read_service_account(ACCOUNT, LISTED))
    assert labels[0] == "/calico/v1/policy/profile/ksa.ns1.sa-1/labels"
    assert rules[1:3] == ("{}", "/124")
    assert profile[0] == "/calico/resources/v3/projectcalico.org/profiles/ksa.ns1.sa-1"
    assert '"spec":{"labelsToApply":{"pcsa.projectcalico.org/name":"sa-1"' in profile[1]


def test_a_watched_profile_has_an_odd_resource_version():
    """What the original's two bookmarks say just after an event: nothing, twice."""
    *others, (_, _, revision, version) = texts(namespaces.read_namespace(NAMESPACE, WATCHED))
    assert (revision, version) == ("124/", "/")
    assert {version for _, _, _, version in others} == {""}


def test_the_profile_nobody_lists():
    """It has no labels, no UID and no time."""
    rules, profile = texts(namespaces.DEFAULT_ALLOW)
    assert rules[0] == "/calico/v1/policy/profile/projectcalico-default-allow/rules"
    assert (
        '"metadata":{"name":"projectcalico-default-allow","creationTimestamp":null}' in profile[1]
    )
    assert rules[2] == profile[2] == "1"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"uid": ""}, "metadata.uid: '' is not a UUID"),
        ({"labels": {"a": 1}}, "metadata.labels[a]: 1 is not a text"),
        ({"creationTimestamp": "yesterday"}, "metadata.creationTimestamp: 'yesterday'"),
    ],
)
def test_a_namespace_that_cannot_be_read_says_why(members, message):
    """Its profile is then left out."""
    broken = {"metadata": {**NAMESPACE["metadata"], **members}}
    for read in (namespaces.read_namespace, namespaces.read_service_account):
        with pytest.raises(ConversionError) as raised:
            read(broken, LISTED)
        assert message in str(raised.value)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_whatever_they_hold_they_are_converted_or_refused(data):
    """Any JSON in place of any member."""
    survives(namespaces.read_namespace, profiles.process, data.draw(anywhere(NAMESPACE)))
    survives(namespaces.read_service_account, profiles.process, data.draw(anywhere(ACCOUNT)))
