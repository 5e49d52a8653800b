"""Calico's own resources, from either group."""

import pytest
from hypothesis import given, settings, strategies as st

from tests.fuzzing import anywhere, survives
from typha.datastore.k8s import custom
from typha.model import bgp, encoding
from typha.model.resources import ApiGroup, ConversionError, Reading
from typha.processors import passthrough, tiers

CRD, V3 = Reading(), Reading(api_group=ApiGroup.V3)
UID, SHOWN_UID = "7a2f1c3e-9b4d-4e5f-8a6b-0c1d2e3f4a5b", "5ef4387c-d9b2-4efa-8ad6-30b874fc52da"
RENAMED = {"projectcalico.org/metadata": '{"name":"shown","labels":{"a":"b"}}'}
PEER = {
    "metadata": {
        "name": "peer",
        "uid": UID,
        "resourceVersion": "4",
        "generation": 1,
        "creationTimestamp": "2024-01-02T03:04:05Z",
    },
    "spec": {
        "unknown": 1,
        "asNumber": "1.10",
        "peerIP": "10.0.0.1",
        "keepOriginalNextHop": False,
        "numAllowedLocalASNumbers": 0,
        "maxRestartTime": "90s",
        "password": {"secretKeyRef": {"key": "k", "name": "s"}},
        "filters": [],
    },
    "status": {"ignored": True},
}
read_peer = custom.passed_through("BGPPeer", spec=bgp.PEER)
read_set = custom.processed("GlobalNetworkSet")
read_tier = custom.processed("Tier", custom.complete_tier)


def text(obj, reading=CRD):
    """Return what is sent of a peer."""
    (kv,) = passthrough.process(read_peer(obj, reading))
    return encoding.encode(kv.value).decode()


def test_a_passed_through_resource_is_typed_member_by_member():
    """It is of Calico's API, whatever group it is stored in."""
    assert text(PEER) == (
        '{"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"peer",'
        f'"uid":"{SHOWN_UID}","generation":1,"creationTimestamp":"2024-01-02T03:04:05Z"}},'
        '"spec":{"peerIP":"10.0.0.1","asNumber":65546,"password":{"secretKeyRef":{"name":"s",'
        '"key":"k"}},"maxRestartTime":"1m30s","numAllowedLocalASNumbers":0}}'
    )
    assert text(PEER, V3) == text(PEER).replace(SHOWN_UID, UID)


def test_an_object_that_names_its_group_is_of_that_group():
    """In a folder of manifests both may occur; any other name says nothing."""
    assert SHOWN_UID in text({**PEER, "apiVersion": ApiGroup.CRD}, V3)
    assert UID in text({**PEER, "apiVersion": ApiGroup.V3}, CRD)
    assert SHOWN_UID in text({**PEER, "apiVersion": ["odd"]}, CRD)


def test_the_key_has_the_stored_name_and_the_value_the_shown_one():
    """Where they differ, which an annotation can make them do."""
    peer = {**PEER, "metadata": {**PEER["metadata"], "annotations": RENAMED}}
    resource = read_peer(peer, CRD)
    assert (resource.name, resource.revision, resource.v3_resource_version) == ("peer", "4", "4")
    assert resource.value["metadata"]["name"] == "shown"


def test_a_processed_resource_shows_little_metadata_and_keeps_its_spec():
    """Its resource version is nobody's business."""
    stored = {"metadata": {**PEER["metadata"], "labels": {"a": "b"}}, "spec": {"nets": ["x"]}}
    resource = read_set(stored, CRD)
    assert resource.v3_resource_version == ""
    assert resource.value["metadata"] == {"name": "peer", "namespace": "", "labels": {"a": "b"}}
    assert resource.value["spec"] is stored["spec"]


def test_a_processed_resource_is_renamed_in_one_group_only():
    """In the other the annotation is one like any other."""
    stored = {"metadata": {**PEER["metadata"], "annotations": RENAMED}}
    assert read_set(stored, CRD).value["metadata"]["name"] == "shown"
    assert read_set(stored, V3).value["metadata"]["name"] == "peer"
    assert read_set(stored, CRD).name == read_set(stored, V3).name == "peer"


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (None, b'{"order":1000000,"defaultAction":"Deny"}'),
        ({"order": None, "defaultAction": None}, b'{"order":1000000,"defaultAction":"Deny"}'),
        ({"order": 0, "defaultAction": "Pass"}, b'{"order":0,"defaultAction":"Pass"}'),
    ],
)
def test_a_tier_is_completed(spec, value):
    """It has an order and an action, even if it does not say so."""
    (kv,) = tiers.process(read_tier({"metadata": {"name": "t"}, "spec": spec}, CRD))
    assert encoding.encode(kv.value) == value


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ({**PEER, "spec": []}, "spec: [] is not an object"),
        ({**PEER, "spec": {"ttlSecurity": 256}}, "spec.ttlSecurity: 256 is not a whole number"),
        ({**PEER, "metadata": {**PEER["metadata"], "uid": "x"}}, "metadata.uid: 'x' is not"),
    ],
)
def test_a_resource_that_cannot_be_read_says_why(obj, message):
    """Only that one is then left out."""
    with pytest.raises(ConversionError) as raised:
        read_peer(obj, CRD)
    assert message in str(raised.value)


@given(st.data())
@settings(deadline=None, max_examples=80)
def test_whatever_a_resource_holds_it_is_converted_or_refused(data):
    """Any JSON in place of any member."""
    survives(read_peer, passthrough.process, data.draw(anywhere(PEER)))
    survives(read_tier, tiers.process, data.draw(anywhere(PEER)))
