"""The watcher dies at the worst moments: nobody is cut off, and nobody is left with less."""

import os
import signal
import threading
import time
import urllib.request
import uuid

import pytest

from benchmarks import free_ports
from tests import golden_data
from tests.e2e import server
from tests.e2e.server import running, wait_for
from tests.e2e.test_serving import has_team, hears, put
from tests.fake_api import FakeApi

pytestmark = pytest.mark.e2e

NAMESPACES = "/api/v1/namespaces"
PROFILE = "/calico/v1/policy/profile/kns.{}/labels"
UPDATES, PER_SECOND, KILLED_AT = 1000, 500, 500


def namespace(name: str) -> dict:
    """Make a namespace that nobody has seen."""
    metadata = {"name": name, "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, name))}
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": metadata}


def churn(api: FakeApi, kill) -> None:
    """Create namespaces at an even rate, and kill somebody amid."""
    begun = time.monotonic()
    for number in range(UPDATES):
        api.put(NAMESPACES, namespace(f"new-{number:04}"))
        if number == KILLED_AT:
            kill()
        time.sleep(max(0.0, begun + number / PER_SECOND - time.monotonic()))


def test_at_500_updates_a_second_nobody_misses_one(tmp_path, monkeypatch):
    """Each update is a key of its own, and all get to know it; one restart is counted."""
    for name in ("KUBECONFIG", "CALICO_API_GROUP"):
        monkeypatch.delenv(name, raising=False)
    port = free_ports.take()
    settings = {
        "datastoretype": "kubernetes",
        "prometheusmetricsenabled": "true",
        "prometheusmetricshost": "127.0.0.1",
        "prometheusmetricsport": str(port),
    }
    with FakeApi(golden_data.objects("outage")) as api:
        monkeypatch.setenv("K8S_API_ENDPOINT", api.url)
        with running(tmp_path, tmp_path, **settings) as served:
            versions = ("v3.8.9", "v3.29.5", "v3.31.3", "v3.32.1")
            followers = [served.follower(version=version) for version in versions * 2]
            watcher = served.child("watcher")
            source = threading.Thread(target=churn, args=(api, watcher.kill))
            source.start()
            last = PROFILE.format(f"new-{UPDATES - 1:04}")
            wanted = {PROFILE.format(f"new-{number:04}") for number in range(UPDATES)}
            for follower in followers:
                follower.read_until(
                    lambda each: last in each.state and wanted <= each.state.keys()
                )
            source.join()
            assert not [line for line in served.log().splitlines() if 'host="test-node"' in line]
            counted = {"ops": 0, "watcher": 1, "worker-0": 0, "worker-1": 0}
            wait_for(lambda: restarts(port) == counted, "one restart to be counted")


def restarts(port: int) -> dict[str, int]:
    """Read how often each process was replaced."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    begins = 'typha_process_restarts_total{process="'
    found = (line.removeprefix(begins).split('"} ') for line in lines if line.startswith(begins))
    return {name: int(float(value)) for name, value in found}


@pytest.mark.parametrize("damage", ["cut off", "flipped"])
def test_a_damaged_journal_costs_at_worst_a_reconnection(tmp_path, damage):
    """The journal has lost what clients were told: they start over, rather than miss something."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    put(manifests, "shop", "blue")
    with running(tmp_path, manifests, tls=False) as served:
        follower = served.follower()
        journal = served.run_directory / "journal"
        whole = journal.stat().st_size
        put(manifests, "shop", "red")
        follower.read_until(has_team("shop", "red"))
        watcher = served.child("watcher")
        watcher.send_signal(signal.SIGSTOP)
        spoil(journal, whole, damage)
        put(manifests, "shop", "green")
        put(manifests, "bank", "blue")
        watcher.kill()
        assert not hears(follower, has_team("bank", "blue"))
        fresh = server.Follower(served.connect())
        served.clients.append(fresh)
        fresh.read_until_in_sync()
        fresh.read_until(has_team("bank", "blue"))
        assert has_team("shop", "green")(fresh)
        assert "journal is damaged" in served.log()


def spoil(journal, whole: int, damage: str) -> None:
    """Damage what was added to a journal behind its first bytes."""
    data = bytearray(journal.read_bytes())
    assert len(data) > whole
    if damage == "cut off":
        os.truncate(journal, whole)
    else:
        data[whole + 20] ^= 1
        journal.write_bytes(data)
