"""The whole server on an API server that replays recorded clusters, change by change.

What each change means is tested where it is converted; here the way is whole: HTTP, list and
watch, processes, clients of all four syncers.
"""

import pytest

from tests import golden_data
from tests.e2e import server
from tests.fake_api import FakeApi
from typha.syncproto.messages import SyncerType

pytestmark = [pytest.mark.e2e, pytest.mark.golden]

# See docs/deviations.md: sent in random order, left out for safety, parsed by no client.
DIFFERENT = {
    "/calico/v1/config/BPFLogFilters",
    "/calico/v1/policy/GlobalNetworkPolicy//default.bad-net",
}
UNPARSABLE = "/calico/ipam/v2/virtual/"


def comparable(values: dict) -> dict:
    """Leave out where we are deliberately not the original."""
    return {
        key: value
        for key, value in values.items()
        if key not in DIFFERENT and not key.startswith(UNPARSABLE)
    }


def recorded(folder: str, syncer: SyncerType, *, final: bool = False) -> dict:
    """Give the recorded values by key."""
    sent = golden_data.snapshot(folder, syncer.value, final=final)
    return comparable({key: each.value for key, each in sent.items() if each.value is not None})


@pytest.fixture
def serving(tmp_path, monkeypatch):
    """Give a function that serves what an API server holds."""

    def serve(api: FakeApi):
        for name in ("KUBECONFIG", "CALICO_API_GROUP"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("K8S_API_ENDPOINT", api.url)
        return server.running(tmp_path, tmp_path, tls=False, datastoretype="kubernetes")

    return serve


@pytest.mark.parametrize("folder", ["crd", "v3-crds", "pod-cidr"])
def test_clients_of_all_syncers_are_told_what_was_recorded(serving, folder, monkeypatch):
    """At first, after every change, and who comes late; the group is found out."""
    monkeypatch.setenv("USE_POD_CIDR", str(folder == "pod-cidr"))
    with FakeApi(golden_data.objects(folder)) as api, serving(api) as served:
        clients = {syncer: served.follower(syncer=syncer) for syncer in SyncerType}
        for syncer, client in clients.items():
            assert comparable(client.state) == recorded(folder, syncer), syncer
        for mutation in golden_data.mutations(folder):
            for path, event in mutation.events:
                api.play(path, event)
        late = [(syncer, served.follower(syncer=syncer)) for syncer in SyncerType]
        for syncer, client in (*clients.items(), *late):
            final = recorded(folder, syncer, final=True)
            client.read_until(lambda follower, final=final: comparable(follower.state) == final)
        watches = [request.path for request in api.requests if request.is_watch]
    assert len(watches) == len(set(watches))  # one for all syncers


def test_after_an_outage_only_what_changed_is_told(serving, monkeypatch):
    """The API server is gone, and back with other contents and no history."""
    monkeypatch.delenv("USE_POD_CIDR", raising=False)
    with FakeApi(golden_data.objects("outage")) as api, serving(api) as served:
        client = served.follower()
        before = dict(client.state)
        assert before == recorded("outage", SyncerType.FELIX)
        told = len(client.updates)
        api.stop()
        for path, answer in golden_data.objects("outage", "after-02").items():
            api.serve(path, answer)
        api.compact()
        api.restart()
        final = recorded("outage", SyncerType.FELIX, final=True)
        client.read_until(lambda follower: follower.state == final)
        changed = {key for key in {*before, *final} if before.get(key) != final.get(key)}
        assert {update.key for update in client.updates[told:]} == changed
        served.follower().read_until(lambda follower: follower.state == final)
