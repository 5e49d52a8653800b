"""Processes that are stopped in the middle: noticed, replaced, counted; others see nothing.

Each is given the twenty seconds that the server gives it, so these tests take their time.
"""

import signal
from pathlib import Path

import psutil
import pytest

from benchmarks import free_ports
from tests.e2e.server import running, wait_for
from tests.e2e.test_looking import heard, probe, scraped, typha
from tests.e2e.test_serving import held_by_worker

PATIENCE_SECONDS = 180.0
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n"


@pytest.fixture
def ports() -> dict[str, str]:
    """Choose where probes and scrapes go."""
    return {
        "HealthEnabled": "true",
        "HealthPort": str(free_ports.take()),
        "PrometheusMetricsEnabled": "true",
        "PrometheusMetricsPort": str(free_ports.take()),
    }


@pytest.fixture
def manifests(short_folder) -> Path:
    """Make the folder of an empty cluster."""
    (short_folder / "manifests").mkdir()
    return short_folder / "manifests"


@pytest.mark.parametrize("name", ["worker-0", "watcher", "ops"])
def test_it_is_replaced_and_counted_and_others_see_nothing(short_folder, manifests, ports, name):
    """Only a worker's own clients have to connect again."""
    metrics = int(ports["PrometheusMetricsPort"])
    with running(short_folder, manifests, **ports) as server:
        server.wait_ready()
        clients = server.connect_all(6)
        held = held_by_worker(server)
        hung = server.child(name)
        hung.suspend()
        (manifests / "during.yaml").write_text(NAMESPACE.format("during"))
        series = f'typha_process_hung_total{{process="{name}"}}'
        wait_for(lambda: scraped(metrics).get(series) == 1, "it to be killed", PATIENCE_SECONDS)
        wait_for(lambda: server.child(name).pid != hung.pid, "another one", PATIENCE_SECONDS)
        wait_for(lambda: probe_of(ports) == 200, "the server to be ready", PATIENCE_SECONDS)
        restarts = f'typha_process_restarts_total{{process="{name}"}}'
        wait_for(lambda: scraped(metrics).get(restarts) == 1, "it to be counted")
        assert "process does not answer, killing it" in server.log()
        (manifests / "after.yaml").write_text(NAMESPACE.format("after"))
        assert sum(heard(client, "after") for client in clients) == 6 - held.get(hung.pid, 0)
        assert heard(server.follower(), "during")


def probe_of(ports: dict[str, str], path: str = "/readiness") -> int:
    """Ask a probe; 0 while nobody answers."""
    try:
        return probe(int(ports["HealthPort"]), path)
    except (OSError, IndexError):
        return 0


def test_a_hung_parent_turns_liveness_off(short_folder, manifests, ports):
    """Only whoever started the server can replace it; clients are served meanwhile."""
    with running(short_folder, manifests, **ports) as server:
        client = server.follower()
        parent = psutil.Process(server.process.pid)
        parent.send_signal(signal.SIGSTOP)
        try:
            wait_for(lambda: probe_of(ports) == 503, "readiness to go off", PATIENCE_SECONDS)
            wait_for(lambda: "parent silent for" in typha(server, "status").stdout, "why")
            wait_for(lambda: probe_of(ports, "/liveness") == 503, "liveness too", PATIENCE_SECONDS)
            (manifests / "during.yaml").write_text(NAMESPACE.format("during"))
            assert heard(client, "during")
        finally:
            parent.send_signal(signal.SIGCONT)
        wait_for(lambda: probe_of(ports, "/liveness") == 200, "it to be well again")
