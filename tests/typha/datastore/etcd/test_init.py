"""What is written at start, and what is left as it is."""

import json
import re

import pytest

from typha.datastore.etcd import codec, init
from typha.datastore.etcd.errors import DeniedError, ExhaustedError, UnreachableError

TIERS = {
    "default": {"order": 1000000, "defaultAction": "Deny"},
    "kube-admin": {"order": 1000, "defaultAction": "Pass"},
    "kube-baseline": {"order": 10000000, "defaultAction": "Pass"},
}


DEEP = b'{"spec": {"a": ' + b"[" * 500 + b"]" * 500 + b"}}"


class Memory:
    """Keys with etcd's conditional write."""

    def __init__(self, **stored):
        """Start with some objects, by the last part of their keys."""
        self.stored = {}
        self.revision = 1
        for name, value in stored.items():
            prefix = init.INFORMATION_KEY.rpartition(b"/")[0]
            self.put_unless_changed(prefix + b"/" + name.encode(), json.dumps(value).encode(), 0)

    def page(self, key, range_end, *, limit, revision=0):
        """Read one key."""
        assert (range_end, limit, revision) == (b"", 1, 0)
        entries = [codec.Entry(key, *self.stored[key])] if key in self.stored else []
        return codec.Page(codec.Header(1, self.revision, 1), entries, more=False)

    def put_unless_changed(self, key, value, mod_revision):
        """Write one key."""
        if self.stored.get(key, (b"", 0))[1] != mod_revision:
            return False
        self.revision += 1
        self.stored[key] = (value, self.revision)
        return True

    @property
    def information(self):
        """The cluster information's value."""
        return json.loads(self.stored[init.INFORMATION_KEY][0])


def test_an_empty_datastore_gets_information_and_tiers():
    """In the form that the original gives them, member by member."""
    memory = Memory()
    init.initialise(memory)
    found = memory.information
    assert list(found) == ["kind", "apiVersion", "metadata", "spec"]
    assert (found["kind"], found["apiVersion"]) == ("ClusterInformation", "projectcalico.org/v3")
    assert list(found["metadata"]) == ["name", "uid", "creationTimestamp"]
    assert list(found["spec"]) == ["clusterGUID", "clusterType", "datastoreReady"]
    assert re.fullmatch("[0-9a-f]{32}", found["spec"]["clusterGUID"])
    assert found["spec"]["clusterType"] == "typha"
    assert found["spec"]["datastoreReady"] is True
    tiers = {
        key.rpartition(b"/")[2].decode(): json.loads(value)
        for key, (value, _) in memory.stored.items()
        if b"/tiers/" in key
    }
    assert {name: tier["spec"] for name, tier in tiers.items()} == TIERS
    assert all(tier["status"] == {} for tier in tiers.values())


def test_what_is_complete_is_not_written_again():
    """A second server changes nothing."""
    memory = Memory()
    init.initialise(memory)
    before = dict(memory.stored)
    init.initialise(memory)
    assert memory.stored == before


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"clusterGUID": "g"}, {"clusterType": "typha", "datastoreReady": True}),
        (
            {"clusterGUID": "g", "datastoreReady": False, "clusterType": "k8s"},
            {"datastoreReady": False, "clusterType": "k8s,typha"},
        ),
        (
            {"clusterGUID": "g", "clusterType": "typha,k8s", "calicoVersion": "v3"},
            {"clusterType": "typha,k8s", "datastoreReady": True, "calicoVersion": "v3"},
        ),
    ],
)
def test_what_is_incomplete_is_completed(spec, expected):
    """What it says stays, that the datastore is not ready too."""
    stored = {"kind": "ClusterInformation", "metadata": {"name": "default", "labels": {"a": "b"}}}
    memory = Memory(default={**stored, "spec": spec})
    init.initialise(memory)
    assert memory.information == {**stored, "spec": {"clusterGUID": "g", **expected}}


def test_somebody_else_who_writes_is_not_overwritten():
    """What was read has changed: it is read again."""

    class Contended(Memory):
        """Another server completes the object in between."""

        def page(self, key, range_end, *, limit, revision=0):
            """Read, then be overtaken once."""
            page = super().page(key, range_end, limit=limit, revision=revision)
            if len(page.entries) == 1 and "clusterGUID" not in self.information["spec"]:
                theirs = {"spec": {"clusterGUID": "theirs", "clusterType": "k8s"}}
                value = json.dumps(theirs).encode()
                self.put_unless_changed(key, value, page.entries[0].mod_revision)
            return page

    memory = Contended(default={"spec": {}})
    init.initialise(memory)
    assert memory.information["spec"]["clusterGUID"] == "theirs"
    assert memory.information["spec"]["clusterType"] == "k8s,typha"


def test_a_write_that_never_succeeds_is_an_error():
    """It is tried again with the next connection."""

    class Hopeless(Memory):
        """Everybody writes all the time."""

        def put_unless_changed(self, key, value, mod_revision):
            """Refuse."""
            del key, value, mod_revision
            return False

    with pytest.raises(UnreachableError, match="clusterinformations"):
        init.initialise(Hopeless())


def test_what_is_not_allowed_is_left_to_others():
    """A reader's role is enough to serve."""

    class ReadOnly(Memory):
        """Writing is denied."""

        def put_unless_changed(self, key, value, mod_revision):
            """Deny."""
            del key, value, mod_revision
            raise DeniedError("permission denied")

    init.initialise(ReadOnly())


@pytest.mark.parametrize("stored", [b"", b"not JSON", b"[]", b"null", b'{"spec": [1]}', DEEP])
def test_what_is_no_cluster_information_holds_nothing_up(stored):
    """It is left as it is, with a warning: one bad object harms only itself."""
    memory = Memory()
    memory.put_unless_changed(init.INFORMATION_KEY, stored, 0)
    init.initialise(memory)
    assert memory.stored[init.INFORMATION_KEY][0] == stored
    assert sum(b"/tiers/" in key for key in memory.stored) == len(TIERS)


def test_an_etcd_without_room_serves_all_the_same():
    """It takes no write, also none that would change nothing; reading goes on."""

    class Full(Memory):
        """The quota is used up."""

        def put_unless_changed(self, key, value, mod_revision):
            """Refuse."""
            del key, value, mod_revision
            raise ExhaustedError("etcdserver: mvcc: database space exceeded")

    init.initialise(Full())
