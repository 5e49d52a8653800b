"""The whole server on a real etcd: clients of all four syncers get what the real Typha sent."""

import gzip
import json

import pytest

from tests import golden_data
from tests.e2e import server
from tests.integration.etcd_servers import (
    PATIENCE_SECONDS,
    connect,
    control,
    needs_etcd,
    put,
    running,
    running_cluster,
    serves,
    stored,
    wait_for,
)
from tests.integration.etcd_writing import Writer, compact, leader_of
from typha.model.resources import Reading
from typha.syncers import catalogs
from typha.syncers.offline import Offline
from typha.syncproto.messages import Dialect, SyncerType

pytestmark = [pytest.mark.integration, needs_etcd]

WRITES = 10_000
FOLDER = golden_data.DATA / "datastore/etcd"


def unpacked(name):
    """Return a recorded file."""
    return json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))


def values(syncer, *, final=False):
    """Return the recorded values by key; revisions are those of another etcd."""
    sent = golden_data.snapshot("etcd", syncer.value, final=final)
    return {key: each.value for key, each in sent.items()}


def test_clients_of_all_syncers_follow_the_recorded_changes(tmp_path):
    """First the recorded keys, then each recorded change but the last: see docs/deviations.md."""
    with running(tmp_path) as etcd, connect(etcd.url) as connection:
        for each in unpacked("keys")["keys"]:
            put(connection, each["key"], each["value"])
        options = {"datastoretype": "etcdv3", "etcdendpoints": etcd.url}
        with server.running(tmp_path, tmp_path, tls=False, **options) as served:
            clients = {syncer: served.follower(syncer=syncer) for syncer in SyncerType}
            for syncer, client in clients.items():
                assert client.state == values(syncer), syncer
            for mutation in unpacked("events")[:-1]:
                for event in mutation["events"]:
                    if event["type"] == "DELETE":
                        control(etcd.url, "del", event["key"])
                    else:
                        put(connection, event["key"], event["value"])
            for syncer, client in clients.items():
                final = values(syncer, final=True)
                client.read_until(lambda follower, final=final: follower.state == final)
            late = served.follower(syncer=SyncerType.FELIX)
            assert late.state == values(SyncerType.FELIX, final=True)


def rendered(connection, syncer):
    """Return what a fresh list of everything makes, by key."""
    objects = {resource: [*found.values()] for resource, found in stored(connection).items()}
    reading = Reading()
    state = Offline(objects, catalogs.of("etcdv3", reading), reading)
    return {update.key: update.value for update in state.updates(syncer, Dialect.MODERN)}


def test_clients_end_with_a_fresh_list_whatever_happens_to_the_members(tmp_path):
    """A member killed, a compaction and a change of leader during thousands of writes."""
    with running_cluster(tmp_path) as members:
        endpoints = ",".join(member.url for member in members)
        options = {"datastoretype": "etcdv3", "etcdendpoints": endpoints}
        with server.running(tmp_path, tmp_path, tls=False, **options) as served:
            clients = {syncer: served.follower(syncer=syncer) for syncer in SyncerType}
            writer = Writer(members, WRITES)
            leader = leader_of(members)
            follower = next(member for member in members if member is not leader)
            wait_for(lambda: writer.done > WRITES // 4, "the first writes")
            follower.kill()
            wait_for(lambda: writer.done > WRITES // 2, "writes without a follower")
            follower.start()
            wait_for(lambda: serves(follower.url), "the follower to be back")
            compact(leader)
            leader.kill()
            wait_for(lambda: serves(follower.url), "another leader")
            writer.thread.join(PATIENCE_SECONDS)
            assert writer.done == WRITES
            with connect(follower.url) as connection:
                for syncer, client in clients.items():
                    fresh = rendered(connection, syncer)
                    client.read_until(lambda follower, fresh=fresh: follower.state == fresh)
            assert len(clients[SyncerType.TUNNEL_IP_ALLOCATION].state) == 300
