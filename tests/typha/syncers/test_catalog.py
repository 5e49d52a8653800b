"""The felix syncer's rows, all together, against what the real Typha sent."""

import json
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings, strategies as st

from tests import golden_data
from tests.fuzzing import anywhere, survives
from tests.replaying import Replay, by_key, differences
from typha.model.resources import ApiGroup, Reading
from typha.syncers import catalog
from typha.syncproto.messages import SyncerType

READINGS = {
    "crd": Reading(),
    "v3-crds": Reading(api_group=ApiGroup.V3),
    "outage": Reading(),
    "pod-cidr": Reading(use_pod_cidr=True),
}
RANDOM = "/calico/v1/config/BPFLogFilters"  # pairs in another order each time in the original
SAFER = "/calico/v1/policy/GlobalNetworkPolicy//default.bad-net"  # docs/deviations.md
# Changes made while another object could not be decoded: the original sends them late.
AT_ONCE = {62, 63, 64, 65, 66, 67}


def recorded(snapshot):
    """Return what a snapshot says of each key that must be the same."""
    return {
        key: (sent.value, sent.revision, sent.v3_resource_version)
        for key, sent in snapshot.items()
        if key not in {RANDOM, SAFER}
    }


def comparable(by_key):
    """Drop what depends on the moment: what bookmarks had last said when an event came."""
    return {
        key: [
            replace(sent, v3_resource_version="/") if "/" in sent.v3_resource_version else sent
            for sent in updates
        ]
        for key, updates in by_key.items()
        if key != RANDOM
    }


@pytest.mark.golden
@pytest.mark.parametrize("folder", READINGS)
def test_the_first_snapshot_is_the_recorded_one(folder):
    """Every key of every kind: value, revision and resource version."""
    replay = Replay.of(folder, SyncerType.FELIX, READINGS[folder])
    expected = recorded(golden_data.snapshot(folder, "felix"))
    found = {key: said for key, said in replay.values.items() if key not in {RANDOM, SAFER}}
    assert not differences(expected, found)
    assert len(expected) >= {"crd": 450, "v3-crds": 450, "outage": 35, "pod-cidr": 40}[folder]


@pytest.mark.golden
@pytest.mark.parametrize("folder", ["crd", "v3-crds", "pod-cidr"])
def test_each_change_sends_what_was_recorded(folder):
    """And in the end every key has the recorded value."""
    replay = Replay.of(folder, SyncerType.FELIX, READINGS[folder])
    deltas = golden_data.deltas(folder, "felix")
    for mutation in golden_data.mutations(folder):
        found = comparable(replay.play(mutation))
        expected = comparable(by_key(deltas.get(mutation.number, ())))
        if mutation.name == "cidr-shared-by-two":
            expected, found = _without_types(expected), _without_types(found)
        if mutation.number not in AT_ONCE or folder == "pod-cidr":
            assert not differences(expected, found), mutation.name
    final = recorded(golden_data.snapshot(folder, "felix", final=True))
    values = {key: said[0] for key, said in final.items()}
    ours = {key: said[0] for key, said in replay.values.items() if key not in {RANDOM, SAFER}}
    assert not differences(values, ours)


def _without_types(by_key):
    """Make new and updated the same: a key that two nodes claim is new for each of them here."""
    return {
        key: [replace(sent, update_type=0) for sent in updates] for key, updates in by_key.items()
    }


@pytest.mark.golden
def test_an_undecodable_object_holds_nothing_back():
    """Changes beside it are sent at once, not when it is gone; it is named until then."""
    replay = Replay.of("crd", SyncerType.FELIX, READINGS["crd"])
    mutations = {m.name: m for m in golden_data.mutations("crd")}
    deltas = golden_data.deltas("crd", "felix")
    for name in ("gnp", "ipam-block"):
        before = set(replay.refused)
        adjective = "undecodable" if name == "gnp" else "unparsable"
        assert replay.play(mutations[f"{name}-{adjective}"]) == {}
        assert len(set(replay.refused) - before) == 1
        changed = mutations[f"{name}-change-while-poisoned"]
        mended = mutations[f"{name}-poison-removed"]
        late = [*deltas[changed.number], *deltas[mended.number]]
        assert replay.play(changed) == by_key(late)
        assert replay.play(mended) == {}
        assert set(replay.refused) == before


# fixtures, what came of them, and the circumstances
VECTORS = [
    ("fixtures-crdv1", "expected-crdv1", Reading()),
    ("fixtures-v3", "expected-v3", Reading(api_group=ApiGroup.V3)),
    ("fixtures-crdv1", "expected-crdv1-usepodcidr", Reading(use_pod_cidr=True)),
    ("real-crdv1", "expected-real-crdv1", Reading()),
]
# Its only peer is a net that cannot be read; see docs/deviations.md.
SAFER_KUBERNETES = "/calico/v1/policy/KubernetesNetworkPolicy/ns1/notypes"


@pytest.mark.golden
@pytest.mark.parametrize(("fixtures", "expected", "reading"), VECTORS, ids=lambda v: str(v)[:25])
def test_the_unit_fixtures_give_the_recorded_updates(fixtures, expected, reading):
    """Each key's updates in order, from lists and from watch events."""
    replay = Replay(SyncerType.FELIX, reading)
    for lists in golden_data.vectors(fixtures).values():
        resource = golden_data.resource_of(lists["path"])
        replay.list(resource, lists["items"])
        for event in lists.get("watch", ()):
            replay.event(resource, event)
    found = {key: [_said(each) for each in sent] for key, sent in by_key(replay.sent).items()}
    wanted = {
        key: _without_repeats([_recorded(update) for update in updates])
        for key, updates in golden_data.vectors(expected).items()
    }
    assert set(differences(wanted, found)) <= {SAFER_KUBERNETES}


def _said(sent):
    value = None if sent.value is None else _parsed(sent.value.decode())
    types = {1: "New", 2: "Updated", 3: "Deleted"}
    return types[sent.update_type], sent.revision, sent.v3_resource_version, value


def _recorded(update):
    value = None if update["value"] is None else _parsed(update["value"])
    version = update["v3ResourceVersion"]
    return update["updateType"], update["revision"], "/" if "/" in version else version, value


def _parsed(text):
    """Compare JSON as what it says, anything else as it is."""
    return json.loads(text) if text[:1] in {"{", "["} and text[1:2] in {'"', "}"} else text


def _without_repeats(updates):
    """Leave out what did not change a value: recorded is what came before that filter."""
    kept = updates[:1]
    for update in updates[1:]:
        if update[3] is None or update[3] != kept[-1][3]:
            kept.append(update)
    return kept


def test_every_resource_of_the_felix_syncer_has_its_rows():
    """Twenty-three kinds from twenty-four resources; without blocks where there is no IPAM.

    Nodes have two rows: what all clients get of them is made once.
    """
    felix = [f.resource for f in catalog.feeds(Reading()) if SyncerType.FELIX in f.syncers]
    assert len(set(felix)) == 24
    assert sorted(felix) == sorted([*set(felix), "nodes"])
    pod_cidr = catalog.feeds(Reading(use_pod_cidr=True))
    assert {f.resource for f in pod_cidr if SyncerType.FELIX in f.syncers} == set(felix) - {
        "ipamblocks.projectcalico.org"
    }


def test_keys_that_several_objects_may_claim_are_marked():
    """Their keys come from what the objects say, not from what they are called."""
    assert {feed.resource for feed in catalog.feeds(Reading()) if feed.contested} == {
        "globalnetworksets.projectcalico.org",
        "hostendpoints.projectcalico.org",
        "ippools.projectcalico.org",
    }


@pytest.mark.parametrize("feed", catalog.feeds(Reading()), ids=lambda feed: feed.resource)
@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_whatever_an_object_holds_it_is_converted_or_refused(feed, data):
    """Recorded objects with any JSON in place of any member: nothing but refusals may escape."""
    example = data.draw(st.sampled_from(examples(feed.resource)))
    survives(feed.read, feed.process, data.draw(anywhere(example)))


@cache
def examples(resource):
    """Return the recorded objects of a resource, to be copied and not to be changed."""
    return golden_data.items("crd", resource)
