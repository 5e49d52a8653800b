"""The whole server on a real etcd: clients of all four syncers get what the real Typha sent."""

import gzip
import json

import pytest

from tests import golden_data
from tests.e2e import server
from tests.integration.etcd_servers import connect, control, needs_etcd, put, running
from typha.syncproto.messages import SyncerType

pytestmark = [pytest.mark.integration, needs_etcd]

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
