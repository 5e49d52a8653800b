"""A server that starts while its datastore is away: what it says, and what it says it is worth."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from benchmarks import free_ports
from tests import golden_data
from tests.e2e import server
from tests.e2e.server import wait_for
from tests.fake_api import FakeApi
from typha.journal import checkpoint
from typha.syncproto.messages import SyncerType, SyncStatus

pytestmark = [pytest.mark.e2e, pytest.mark.golden]

FELIX = SyncerType.FELIX
NOT_VERIFIED = "serving the last known state, which is not verified yet"


@pytest.fixture
def starting(tmp_path, monkeypatch):
    """Give a function that starts a server with a folder for its checkpoint."""
    for name in ("KUBECONFIG", "CALICO_API_GROUP", "USE_POD_CIDR"):
        monkeypatch.delenv(name, raising=False)

    def start(api: FakeApi, **settings: str):
        monkeypatch.setenv("K8S_API_ENDPOINT", api.url)
        wanted = {
            "datastoretype": "kubernetes",
            "warmstart": "true",
            "checkpointdir": str(tmp_path / "checkpoints"),
            "healthenabled": "true",
            "healthport": str(free_ports.take()),
        }
        return server.running(tmp_path, tmp_path, tls=False, **(wanted | settings))

    return start


def recorded(*, final: bool = False) -> dict:
    """Give what clients of felix were recorded to be told, by key."""
    sent = golden_data.snapshot("outage", FELIX.value, final=final)
    return {key: each.value for key, each in sent.items() if each.value is not None}


def readiness(port: int) -> tuple[int, str]:
    """Ask the readiness probe."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readiness", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()
    except OSError:
        return 0, ""  # nobody answers yet


def leave_a_checkpoint(starting, api: FakeApi, folder: Path) -> None:
    """Let a server know the cluster, and end."""
    with starting(api) as served:
        assert served.follower().state == recorded()
        wait_for((folder / checkpoint.NAME).exists, "the checkpoint")


def change_all(api: FakeApi) -> None:
    """Give the API server what was recorded after the outage, without the history in between."""
    for path, answer in golden_data.objects("outage", "after-02").items():
        api.serve(path, answer)
    api.compact()


@pytest.mark.parametrize("version", ["v3.8.9", "v3.32.1"])
def test_the_last_known_state_is_served_and_then_corrected(starting, tmp_path, version):
    """Not in sync and not ready while the API server is away; then only differences arrive."""
    port = str(free_ports.take())
    with FakeApi(golden_data.objects("outage")) as api:
        leave_a_checkpoint(starting, api, tmp_path / "checkpoints")
        api.stop()
        change_all(api)
        with starting(api, healthport=port) as served:
            client = server.Follower(served.connect(version=version))
            served.clients.append(client)
            client.read_until(lambda follower: follower.status is not None)
            assert client.status == SyncStatus.RESYNC
            before, told = dict(client.state), len(client.updates)
            if version == "v3.32.1":
                assert before == recorded()
            wait_for(lambda: NOT_VERIFIED in readiness(int(port))[1], "the probe to say so")
            assert readiness(int(port))[0] == 503
            api.restart()
            client.read_until_in_sync()
            final = recorded(final=True)
            if version == "v3.32.1":
                assert client.state == final
                changed = {key for key in {*before, *final} if before.get(key) != final.get(key)}
                assert {update.key for update in client.updates[told:]} == changed
            assert client.state == served.follower(version=version).state
            assert 0 < len(client.updates) - told < len(before)
            wait_for(lambda: readiness(int(port))[0] == 200, "readiness")


def test_a_watcher_killed_before_anything_was_verified_changes_nothing(starting, tmp_path):
    """Its successor is not in sync either; nobody is disconnected."""
    with FakeApi(golden_data.objects("outage")) as api:
        leave_a_checkpoint(starting, api, tmp_path / "checkpoints")
        api.stop()
        with starting(api) as served:
            client = server.Follower(served.connect())
            served.clients.append(client)
            client.read_until(lambda follower: follower.status is not None)
            told = len(client.updates)
            served.child("watcher").kill()
            change_all(api)
            api.restart()
            client.read_until_in_sync()
            assert client.state == recorded(final=True)
            assert len(client.updates) - told < len(client.state)
