"""A real Prometheus scrapes the server, over mutual TLS, with our rules loaded."""

import json
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import free_ports
from tests.deploy.building import DEPLOY
from tests.e2e.server import Server, running, wait_for

RULES = DEPLOY / "monitoring" / "typha.rules.yaml"
SYNCERS = {"felix", "bgp", "tunnel-ip-allocation", "node-status"}

# What the original exposes: type, and whether there is one for each syncer.
ORIGINAL = {
    "typha_connections_accepted": ("counter", False),
    "typha_connections_dropped": ("counter", False),
    "typha_connections_active": ("gauge", False),
    "typha_connections_streaming": ("gauge", True),
    "typha_connections_grace_used": ("counter", True),
    "typha_client_snapshot_send_secs": ("summary", True),
    "typha_client_latency_secs": ("summary", True),
    "typha_client_write_latency_secs": ("summary", True),
    "typha_next_breadcrumb_latency_secs": ("summary", True),
    "typha_ping_latency": ("summary", True),
    "typha_kvs_per_msg": ("summary", True),
    "typha_breadcrumb_block": ("counter", True),
    "typha_breadcrumb_non_block": ("counter", True),
    "typha_breadcrumb_seq_number": ("gauge", True),
    "typha_breadcrumb_size": ("summary", True),
    "typha_cache_size": ("gauge", True),
    "typha_updates_total": ("counter", True),
    "typha_updates_skipped": ("counter", True),
    "typha_snapshots_generated": ("counter", True),
    "typha_snapshots_reused": ("counter", True),
    "typha_snapshot_raw_bytes": ("gauge", True),
    "typha_snapshot_compressed_bytes": ("gauge", True),
    "typha_logs_dropped": ("counter", False),
    "typha_log_errors": ("counter", False),
    "process_cpu_seconds_total": ("counter", False),
    "process_max_fds": ("gauge", False),
    "process_network_receive_bytes_total": ("counter", False),
    "process_network_transmit_bytes_total": ("counter", False),
    "process_open_fds": ("gauge", False),
    "process_resident_memory_bytes": ("gauge", False),
    "process_start_time_seconds": ("gauge", False),
    "process_virtual_memory_bytes": ("gauge", False),
    "process_virtual_memory_max_bytes": ("gauge", False),
}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        shutil.which("prometheus") is None,
        reason="needs Prometheus (Debian: apt-get install prometheus)",
    ),
]


class Prometheus:
    """A Prometheus that scrapes one server every few seconds."""

    def __init__(self, folder: Path, server: Server, port: int) -> None:
        """Write its configuration, and start it."""
        self._port = free_ports.take()
        assert server.tls is not None
        job = {
            "job_name": "calico-typha",
            "scheme": "https",
            "tls_config": {
                "ca_file": server.tls.ca_file,
                "cert_file": server.tls.cert_file,
                "key_file": server.tls.key_file,
                "server_name": "calico-typha",
            },
            "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
        }
        # A scrape has no more time than there is between two.
        every = {"scrape_interval": "2s", "evaluation_interval": "2s"}
        file = folder / "prometheus.yaml"
        file.write_text(
            yaml.safe_dump({"global": every, "rule_files": [str(RULES)], "scrape_configs": [job]})
        )
        command = [
            "prometheus",
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        with (folder / "prometheus.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def ask(self, path: str, **query: str) -> Any:
        """Ask its API; None while it is not there."""
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def value(self, expression: str) -> float | None:
        """Evaluate an expression that has one result."""
        found = self.ask("query", query=expression) or {"result": []}
        return float(found["result"][0]["value"][1]) if found["result"] else None


@pytest.fixture(scope="module")
def scraped(tmp_path_factory) -> Iterator[tuple[Server, Prometheus, str]]:
    """Serve three clients, and have it scraped; the third is what a scrape reads."""
    folder = tmp_path_factory.mktemp("s")
    (folder / "manifests").mkdir()
    port = free_ports.take()
    certificates = folder / "certs"
    metrics = {
        "PrometheusMetricsEnabled": "true",
        "PrometheusMetricsHost": "127.0.0.1",
        "PrometheusMetricsPort": str(port),
        "PrometheusMetricsCertFile": str(certificates / "typha.crt"),
        "PrometheusMetricsKeyFile": str(certificates / "typha.key"),
        "PrometheusMetricsCAFile": str(certificates / "typhaca.crt"),
    }
    with running(folder, folder / "manifests", **metrics) as server:
        server.connect_all(3)
        prometheus = Prometheus(folder, server, port)
        try:
            yield server, prometheus, read(server, port)
        finally:
            prometheus.process.kill()
            prometheus.process.wait()


def read(server: Server, port: int) -> str:
    """Scrape by hand, with the nodes' certificate."""
    assert server.tls is not None
    command = [
        *("curl", "--silent", "--show-error", "--fail", "--cacert", server.tls.ca_file),
        *("--cert", server.tls.cert_file, "--key", server.tls.key_file),
        *("--connect-to", f"calico-typha:{port}:127.0.0.1:{port}"),
        f"https://calico-typha:{port}/metrics",
    ]
    found: list[str] = []

    def is_answered() -> bool:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        found.append(done.stdout)
        return done.returncode == 0

    wait_for(is_answered, "a scrape")
    return found[-1]


def test_prometheus_scrapes_it_and_its_alerts_can_be_evaluated(scraped):
    """What it stores is what there is; nobody who connects and says nothing keeps it out."""
    _, prometheus, text = scraped
    port = int(prometheus_target(prometheus).rpartition(":")[2])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(10)]
    expected = {
        'up{job="calico-typha"}': 1,
        "typha_connections_active": 3,
        "sum(typha_worker_connections_active)": 3,
        'typha_connections_streaming{syncer="felix"}': 3,
    }
    wait_for(lambda: {each: prometheus.value(each) for each in expected} == expected, "a scrape")
    samples = len(text.splitlines()) / 2
    wait_for(lambda: (prometheus.value("scrape_samples_scraped") or 0) >= samples, "all of it")
    for client in silent:
        client.close()

    def evaluated() -> bool:
        groups = (prometheus.ask("rules") or {"groups": []})["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert not [rule["lastError"] for rule in rules if rule.get("lastError")]
        return bool(rules) and all(rule["health"] == "ok" for rule in rules)

    wait_for(evaluated, "all alerts to be evaluated")


def prometheus_target(prometheus: Prometheus) -> str:
    """Return what it scrapes, once it has."""
    found = []

    def is_up() -> bool:
        targets = (prometheus.ask("targets") or {"activeTargets": []})["activeTargets"]
        found[:] = [target["labels"]["instance"] for target in targets if target["health"] == "up"]
        return bool(found)

    wait_for(is_up, "Prometheus to see the server up")
    return found[0]


def test_every_family_of_the_original_is_there(scraped):
    """Under its name and type, for each syncer from the start, with its quantiles."""
    _, _, text = scraped
    kinds = dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)$", text))
    for name, (kind, has_syncers) in ORIGINAL.items():
        assert kinds[name] == kind, name
        samples = re.findall(rf"(?m)^{name}(?:_sum|_count)?(?:{{(.*)}})? \S+$", text)
        labels = [dict(re.findall(r'(\w+)="([^"]*)"', found)) for found in samples]
        assert {each.get("syncer") for each in labels} == (SYNCERS if has_syncers else {None})
        quantiles = {each["quantile"] for each in labels if "quantile" in each}
        assert quantiles == ({"0.5", "0.9", "0.99"} if kind == "summary" else set())


def test_promtool_objects_to_nothing_but_names_that_are_the_original_s(scraped):
    """Those its dashboards and alerts know."""
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=scraped[2],
        capture_output=True,
        text=True,
        check=False,
    )
    for complaint in (done.stdout + done.stderr).splitlines():
        name, _, what = complaint.partition(" ")
        assert name in ORIGINAL, complaint
        assert what == 'counter metrics should have "_total" suffix'
