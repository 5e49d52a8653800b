"""The view from above, on the real process tree: status, clients, top, probes, metrics."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import free_ports
from tests.e2e.server import PATIENCE_SECONDS, running
from typha.dialing import DialError
from typha.syncproto import client_schema, generations
from typha.syncproto.messages import SyncerType

MANIFESTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
"""


@pytest.fixture
def manifests(tmp_path) -> Path:
    """Return a folder with a small cluster."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "all.yaml").write_text(MANIFESTS)
    return folder


def typha(server, *arguments: str) -> subprocess.CompletedProcess:
    """Run a command against a server."""
    command = [sys.executable, "-m", "typha", *arguments, "--rundir", str(server.run_directory)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.e2e
def test_status_waits_for_a_server_and_tells_how_it_stands(short_folder, manifests):
    """For people and for scripts."""
    with running(short_folder, manifests) as server:
        waited = typha(server, "status", "--wait", "--timeout", "90")
        assert waited.returncode == 0
        assert waited.stdout.startswith("Typha ")
        assert " is ready: serving" in waited.stdout
        assert "namespaces" in waited.stdout
        found = json.loads(typha(server, "status", "--format", "json").stdout)
        assert {row["status"] for row in found["syncers"]} == {"in-sync"}


@pytest.mark.e2e
def test_clients_are_listed_with_who_they_are(short_folder, manifests):
    """Each with the worker that serves it."""
    with running(short_folder, manifests) as server:
        server.wait_ready()
        server.connect_all(3)
        listed = typha(server, "clients", "--format", "json", "--stale-after", "60")
        rows = [json.loads(line) for line in listed.stdout.splitlines()]
        assert listed.returncode == 0
        assert [row["hostname"] for row in rows] == ["test-node"] * 3
        assert {row["cn"] for row in rows} == {"calico-node"}
        assert {row["worker"] for row in rows} == {0, 1}
        assert "test-node" in typha(server, "clients").stdout
        assert "test-node" in typha(server, "top", "--count", "1").stdout


@pytest.mark.e2e
def test_six_hundred_clients_are_listed_whole(short_folder, manifests):
    """By the command and by the page, each with its name and its worker."""
    settings = {"HealthEnabled": "true", "HealthPort": str(free_ports.take())}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running(short_folder, manifests, tls=False, **settings))
        server.wait_ready()
        for number in range(600):
            client = stack.enter_context(
                socket.create_connection(("127.0.0.1", server.port), timeout=60)
            )
            hello = generations.hello(SyncerType.FELIX, hostname=f"node-{number}")
            plain = replace(hello, supports_decoder_restart=False, compression_algorithms=())
            client.sendall(client_schema.hello(plain))

        def listed() -> list[dict]:
            lines = typha(server, "clients", "--format", "json").stdout.splitlines()
            rows = [json.loads(line) for line in lines]
            return rows if all(row["state"] == "streaming" for row in rows) else []

        wait_until(lambda: len(listed()) == 600)
        rows = listed()
        assert {row["hostname"] for row in rows} == {f"node-{number}" for number in range(600)}
        assert sorted(Counter(row["worker"] for row in rows).values()) == [300, 300]
        url = f"http://127.0.0.1:{settings['HealthPort']}"
        asked = [sys.executable, "-m", "typha", "clients", "--url", url, "--format", "json"]
        shown = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=120)
        assert len(shown.stdout.splitlines()) == 600


@pytest.mark.e2e
def test_counters_survive_the_death_of_a_worker_and_of_ops(short_folder, manifests):
    """What was accepted was accepted; what is restarted is counted."""
    port = free_ports.take()
    metrics = {"PrometheusMetricsEnabled": "true", "PrometheusMetricsPort": str(port)}
    with running(short_folder, manifests, **metrics) as server:
        server.wait_ready()
        server.connect_all(4)
        accepted = wait_for(port, "typha_connections_active", 4)["typha_connections_accepted"]
        assert accepted >= 4
        server.child("worker-0").kill()
        wait_for(port, 'typha_process_restarts_total{process="worker-0"}', 1)
        server.child("ops").kill()
        found = wait_for(port, 'typha_process_restarts_total{process="ops"}', 1)
        assert found["typha_connections_accepted"] == accepted
        wait_for(port, "typha_connections_active", 2)
        wait_for(port, 'typha_connections_closed_total{reason="worker-lost"}', 2)


@pytest.mark.e2e
def test_readiness_goes_off_with_the_first_sigterm(short_folder, manifests):
    """And the server goes on serving those it has, until they are shed."""
    port = free_ports.take()
    health = {"HealthEnabled": "true", "HealthPort": str(port)}
    with running(short_folder, manifests, **health) as server:
        server.wait_ready()
        server.connect_all(30)
        wait_until(lambda: probe(port, "/readiness") == 200)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: probe(port, "/readiness") == 503)
        assert probe(port, "/liveness") == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_SECONDS) == 0
        assert os.listdir(server.run_directory) == []  # noqa: PTH208 names are what matters


@pytest.mark.e2e
def test_the_progress_of_a_shutdown_can_be_watched(short_folder, manifests):
    """The gauge counts down; those still there are told of changes, others come no more."""
    port = free_ports.take()
    metrics = {"PrometheusMetricsEnabled": "true", "PrometheusMetricsPort": str(port)}
    with running(short_folder, manifests, **metrics, ShutdownTimeoutSecs="20") as server:
        server.connect_all(20)
        wait_for(port, "typha_connections_active", 20)
        server.process.send_signal(signal.SIGTERM)
        wait_for(port, "typha_draining", 1)
        (manifests / "late.yaml").write_text(MANIFESTS.replace("shop", "late"))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=60)
        remaining = []

        def counts_down() -> bool:
            remaining.extend(filter(None, [scraped(port).get("typha_drain_remaining")]))
            return len(set(remaining)) > 3

        wait_until(counts_down)
        assert sum(heard(client, "late") for client in server.clients) > 3
        server.process.send_signal(signal.SIGTERM)  # enough was seen
        assert server.process.wait(PATIENCE_SECONDS) == 0
        assert remaining == sorted(remaining, reverse=True)


def heard(client, name: str) -> bool:
    """Tell whether a client got to know of a namespace before it was let go."""
    key = f"/calico/v1/policy/profile/kns.{name}/labels"
    try:
        client.read_until(lambda follower: key in follower.state)
    except (DialError, StopIteration):
        return False
    return True


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["watcher", "worker-0"])
def test_a_stopped_process_costs_readiness_and_is_named(short_folder, manifests, name):
    """Long before the parent replaces it; the probes themselves are answered all the time."""
    port = free_ports.take()
    health = {"HealthEnabled": "true", "HealthPort": str(port)}
    with running(short_folder, manifests, **health) as server:
        server.wait_ready()
        server.child(name).suspend()
        wait_until(lambda: probe(port, "/readiness") == 503)
        wait_until(lambda: f"{name} silent for" in typha(server, "status").stdout)
        assert probe(port, "/liveness") == 200
        server.child(name).resume()
        wait_until(lambda: probe(port, "/readiness") == 200)


def wait_until(condition) -> None:
    """Return when the condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def probe(port: int, path: str) -> int:
    """Ask as a kubelet does; return the status."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        return int(client.makefile("rb").readline().split()[1])


def scraped(port: int) -> dict[str, float]:
    """Scrape once; nothing while there is nobody."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            text = client.makefile("rb").read().decode()
    except OSError:
        return {}
    lines = [line.rpartition(" ") for line in text.splitlines() if line.startswith("typha_")]
    return {series: float(value) for series, _, value in lines}


def wait_for(port: int, series: str, value: float) -> dict[str, float]:
    """Scrape until a series has a value; return that scrape."""
    found: dict[str, float] = {}

    def has_value() -> bool:
        found.clear()
        found.update(scraped(port))
        return found.get(series) == value

    wait_until(has_value)
    return found
