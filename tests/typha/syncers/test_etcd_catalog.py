"""The etcd rows of all four syncers, against what the real Typha sent for the same keys."""

import gzip
import json

import pytest

from tests import golden_data
from tests.replaying import differences
from typha.datastore.etcd import codec, dump, kinds
from typha.datastore.ports import ListDone, Listed
from typha.journal.store import Store
from typha.model.resources import Reading
from typha.syncers import etcd_catalog
from typha.syncers.intake import Intake
from typha.syncproto import schema
from typha.syncproto.messages import SyncerType
from typha.syncproto.parsing import MessageReader

FOLDER = golden_data.DATA / "datastore/etcd"
# In the original a block that is overwritten with garbage keeps its old value; docs/deviations.md.
GARBAGE = "block-garbage"


def unpacked(name):
    """Return a recorded file."""
    return gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes())


def updates(elements):
    """Decode elements as a client does."""
    reader = MessageReader()
    reader.feed(schema.PREAMBLE + schema.kvs(elements))
    [message] = reader.messages()
    return [
        golden_data.Sent(
            update.key,
            update.value,
            update.revision,
            update.v3_resource_version,
            int(update.update_type),
        )
        for update in message.updates
    ]


class Server:
    """All syncers' state, from the recorded keys on."""

    def __init__(self):
        """List everything."""
        reading = Reading()
        feeds = etcd_catalog.feeds(reading)
        self.intake = Intake(feeds, reading, etcd_catalog.built_in(reading))
        self.stores = {syncer: Store() for syncer in SyncerType}
        objects = dump.read_dump(unpacked("keys"))
        for resource in self.intake.resources:
            self.take(Listed(resource, objects[resource], first=True))
            self.take(ListDone(resource))

    def snapshot(self, syncer):
        """Return what a new client is sent, by key."""
        elements = [element for _, element in self.stores[syncer].snapshot()]
        return {sent.key: sent for sent in updates(elements)}

    def take(self, event):
        """Work an event in; return what is sent for it, by syncer."""
        sent = {syncer: [] for syncer in SyncerType}
        for syncers, change in self.intake.take(event):
            for syncer in syncers:
                delta = self.stores[syncer].apply(change)
                if delta is not None:
                    sent[syncer] += updates([delta])
        return sent

    def play(self, mutation):
        """Work the recorded events of a change in; return what is sent, by syncer and key."""
        sent = {syncer: {} for syncer in SyncerType}
        for told in events_of(mutation):
            for syncer, deltas in self.take(told).items():
                for delta in deltas:
                    sent[syncer].setdefault(delta.key, []).append(delta)
        return sent


def events_of(mutation):
    """Return what the source delivers for the recorded events of a change."""
    for event in mutation["events"]:
        key, value = event["key"].encode(), event["value"].encode()
        entry = codec.Entry(key, value, event["mod_revision"])
        change = codec.Change(deleted=event["type"] == "DELETE", entry=entry)
        for kind in kinds.KINDS.values():
            if key.startswith(kind.prefix.encode()):
                yield from kinds.changed(kind, change)


MUTATIONS = json.loads(unpacked("events"))


@pytest.mark.golden
@pytest.mark.parametrize("syncer", SyncerType)
def test_the_first_snapshot_is_the_recorded_one(syncer):
    """Every key: value, revision and resource version."""
    expected = golden_data.snapshot("etcd", syncer.value)
    assert not differences(expected, Server().snapshot(syncer))
    least = {SyncerType.FELIX: 64, SyncerType.BGP: 11, SyncerType.TUNNEL_IP_ALLOCATION: 5}
    assert len(expected) >= least.get(syncer, 1)


@pytest.mark.golden
def test_each_change_sends_what_was_recorded():
    """To the clients of each syncer, in order per key; and in the end every key is as recorded."""
    server = Server()
    deltas = {syncer: golden_data.deltas("etcd", syncer.value) for syncer in SyncerType}
    for mutation in MUTATIONS:
        if mutation["name"] == GARBAGE:
            continue
        sent = server.play(mutation)
        for syncer in SyncerType:
            expected = {}
            for each in deltas[syncer].get(mutation["number"], ()):
                expected.setdefault(each.key, []).append(each)
            assert not differences(expected, sent[syncer]), (mutation["name"], syncer)
    for syncer in SyncerType:
        expected = golden_data.snapshot("etcd", syncer.value, final=True)
        assert not differences(
            {key: sent.value for key, sent in expected.items()},
            {key: sent.value for key, sent in server.snapshot(syncer).items()},
        )


@pytest.mark.golden
def test_a_block_that_is_garbage_is_absent_and_named():
    """The original keeps the block's old value, of all kinds only for this one."""
    server = Server()
    [mutation] = [each for each in MUTATIONS if each["name"] == GARBAGE]
    key = mutation["events"][0]["key"]
    assert key in server.snapshot(SyncerType.FELIX)
    [gone] = server.play(mutation)[SyncerType.FELIX][key]
    assert (gone.value, gone.update_type) == (None, 3)
    assert any(
        "ipv4/block/192.168.50.0-28" in refusal.name for refusal in server.intake.refusals()
    )


def test_what_is_refused_is_named():
    """The corpus holds one object for each way to be refused."""
    named = {refusal.name for refusal in Server().intake.refusals()}
    assert {"not-json", "bad-port", "shop/badname"} <= named


def test_each_syncer_is_made_from_what_the_original_makes_it_from():
    """As many kinds as the original opens watches, and all of them are kinds etcd has."""
    rows = etcd_catalog.feeds(Reading())
    resources = {
        syncer: {feed.resource for feed in rows if syncer in feed.syncers} for syncer in SyncerType
    }
    assert {syncer.value: len(found) for syncer, found in resources.items()} == {
        "felix": 19,
        "bgp": 6,
        "tunnel-ip-allocation": 2,
        "node-status": 1,
    }
    assert set().union(*resources.values()) == kinds.KINDS.keys()
