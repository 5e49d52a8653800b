"""Whether a change can matter to anybody, told before conversion."""

import copy

import pytest
from hypothesis import assume, given, settings, strategies as st

from tests import golden_data
from tests.fuzzing import ANYTHING, places
from typha.datastore.k8s import interest
from typha.model.resources import ConversionError, Reading
from typha.syncers import catalog

RECORDED = {resource: golden_data.items("crd", resource) for resource in ("pods", "nodes")}
READINGS = [Reading(), Reading(use_pod_cidr=True)]


def outcome(resource, obj):
    """Return everything that becomes of an object, in all syncers and circumstances."""
    made = []
    for reading in READINGS:
        for feed in catalog.feeds(reading):
            if feed.resource != resource:
                continue
            try:
                read = feed.read(obj, reading)
                made.append([kv[:2] for kv in (feed.process(read) if read else ())])
            except ConversionError:
                made.append([])
    return made


def changed(obj, path, value):
    """Return a copy of an object with one member, named by its path, replaced."""
    made = copy.deepcopy(obj)
    holder = made
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    return made


@pytest.mark.parametrize("resource", ["pods", "nodes"])
@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_where_the_fingerprint_stays_everything_stays(resource, data):
    """Whatever member is changed, and to whatever."""
    before = data.draw(st.sampled_from(RECORDED[resource]))
    after = copy.deepcopy(before)
    holder, member = data.draw(st.sampled_from(places(after)))
    value = data.draw(ANYTHING)
    assume(holder[member] != value)  # true and 1 are the same to Python, and to a fingerprint
    holder[member] = value
    found = interest.fingerprint(resource, after)
    if found is not None and found == interest.fingerprint(resource, before):
        assert outcome(resource, after) == outcome(resource, before)


@pytest.mark.golden
@pytest.mark.parametrize("folder", ["crd", "pod-cidr"])
def test_no_recorded_change_that_was_sent_would_have_been_dropped(folder):
    """And some that were not sent are: a heartbeat, an unrelated annotation, a PUT of the same."""
    last = {}
    dropped = set()
    for resource in ("pods", "nodes"):
        for obj in golden_data.items(folder, resource):
            last[obj["metadata"]["uid"]] = interest.fingerprint(resource, obj)
    deltas = golden_data.deltas(folder, "felix")
    for mutation in golden_data.mutations(folder):
        for path, event in mutation.events:
            found = interest.fingerprint(golden_data.resource_of(path), event["object"])
            uid = event["object"]["metadata"].get("uid")
            if found is not None and event["type"] == "MODIFIED" and found == last.get(uid):
                dropped.add(mutation.name)
                assert len(mutation.events) > 1 or not deltas.get(mutation.number)
            last[uid] = found
    if folder == "crd":
        assert {"node-heartbeat", "pod-unrelated-annotation"} <= dropped


@pytest.mark.parametrize(
    ("resource", "path", "value"),
    [
        ("pods", ("metadata", "resourceVersion"), "1"),
        ("pods", ("metadata", "managedFields"), []),
        ("pods", ("metadata", "annotations"), {"cni.projectcalico.org/containerID": "x"}),
        ("pods", ("status", "conditions"), [{"type": "Ready"}]),
        ("pods", ("status", "phase"), "Pending"),
        ("nodes", ("metadata", "annotations"), {"csi.example": "x"}),
        ("nodes", ("status", "images"), []),
        ("nodes", ("spec", "unschedulable"), True),
    ],
)
def test_what_is_of_no_interest_leaves_the_fingerprint(resource, path, value):
    """Save for a phase: it may be the last one."""
    objects = {"pods": "plain", "nodes": "node-internal-only"}
    before = next(o for o in RECORDED[resource] if o["metadata"]["name"] == objects[resource])
    same = interest.fingerprint(resource, changed(before, path, value))
    assert (same == interest.fingerprint(resource, before)) is (path[-1] != "phase")


def test_objects_that_are_not_what_they_should_be_have_none():
    """Nor have those whose conversion costs little more."""
    assert interest.fingerprint("pods", {}) is None
    assert interest.fingerprint("nodes", {"metadata": {"labels": []}}) is None
    assert interest.fingerprint("namespaces", {"metadata": {"name": "n"}}) is None


@pytest.mark.parametrize("value", [{}, "", 0, False, ()])
@pytest.mark.parametrize(
    ("resource", "part", "member"),
    [
        ("pods", "spec", "containers"),
        ("pods", "spec", "initContainers"),
        ("pods", "status", "podIPs"),
        ("nodes", "spec", "podCIDRs"),
        ("nodes", "status", "addresses"),
    ],
)
def test_what_is_empty_but_no_list_has_no_fingerprint(resource, part, member, value):
    """The reader refuses it, though there is nothing in it."""
    obj = changed(RECORDED[resource][0], (part, member), value)
    assert interest.fingerprint(resource, obj) is None
