"""The ops process as a whole, forked as the parent forks it."""

import http.client
import json
import os
import signal
import sys
import threading
import time

import pytest

from benchmarks import free_ports
from typha.config.settings import DebugSettings, HealthSettings, MetricsSettings, Settings
from typha.ops import process
from typha.scoreboard import SYNCERS, Phase, Scoreboard
from typha.telemetry.figures import Figures
from typha.telemetry.reporting import Reporter

# The test runner may have threads; the child only does what is written here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

ACCEPTED = "typha_connections_accepted"


class Running:
    """An ops process, and a board on which everything else is pretended."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.board = Scoreboard(workers=2)
        self.health, self.metrics, self.debug = (
            free_ports.take(),
            free_ports.take(),
            free_ports.take(),
        )
        now = time.monotonic()
        self.board.server.parent_pid = os.getpid()
        self.board.server.parent_heartbeat = self.board.server.started_at = now
        for pid, slot in enumerate([self.board.watcher, *self.board.workers], start=1000001):
            slot.reset(pid=pid, now=now)
        self.pid = 0

    def start(self) -> None:
        """Fork the process."""
        settings = Settings(
            health=HealthSettings(enabled=True, port=self.health),
            metrics=MetricsSettings(enabled=True, host="127.0.0.1", port=self.metrics),
            debug=DebugSettings(host="127.0.0.1", port=self.debug),
        )
        self.pid = os.fork()
        if self.pid == 0:
            self.board.ops.reset(pid=os.getpid(), now=time.monotonic())
            code = 1
            try:
                process.run(settings, self.board, self.folder)
                code = 0
            finally:
                sys.stdout.flush()
                os._exit(code)

    def end(self) -> int:
        """Let it end; return its exit code."""
        self.board.server.phase = Phase.STOPPED
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> None:
        """End it as a crash does."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def beat(self) -> None:
        """Let all that is pretended look alive and complete."""
        now = time.monotonic()
        self.board.server.parent_heartbeat = now
        self.board.server.phase = Phase.SERVING
        for slot in [self.board.watcher, *self.board.workers]:
            slot.heartbeat(now)
        for syncer in SYNCERS:
            self.board.watcher.status[syncer] = 2

    def get(self, port: int, path: str) -> tuple[int, str]:
        """Ask; waits for the port at first."""
        for _ in range(9000):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request("GET", path)
                response = connection.getresponse()
                return response.status, response.read().decode()
            except ConnectionRefusedError:
                time.sleep(0.01)
            finally:
                connection.close()
        pytest.fail("nobody listens")

    def metric(self, name: str) -> float:
        """Scrape one number."""
        text = self.get(self.metrics, "/metrics")[1]
        found = [line for line in text.splitlines() if line.rpartition(" ")[0] == name]
        return float(found[0].rpartition(" ")[2])

    def wait_for(self, name: str, value: float) -> None:
        """Scrape until a number is as expected."""
        for _ in range(4500):
            if self.metric(name) == value:
                return
            time.sleep(0.02)
        pytest.fail(f"{name} is {self.metric(name)}, not {value}")


@pytest.fixture
def running(short_folder):
    """Return an ops process that is told to end after the test."""
    made = Running(short_folder)
    made.start()
    yield made
    assert made.end() == 0


class Worker:
    """A worker as ops knows it: a pid on the board and a reporter."""

    def __init__(self, running: Running, index: int, pid: int) -> None:
        running.board.worker(index).reset(pid=pid, now=time.monotonic())
        self._running = running
        self._name = f"worker-{index}"
        self._pid = pid
        self._accepted = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def accepted(self, count: int) -> None:
        """Report so many connections from now on."""
        self._accepted = count

    def close(self) -> None:
        """Be gone."""
        self._done.set()
        self._thread.join()

    def _live(self) -> None:
        reporter = Reporter(self._running.folder, self._name, self._pid)
        figures = Figures()
        while not self._done.wait(0.05):
            figures.set_counter(ACCEPTED, "", self._accepted)
            figures.set_gauge("typha_connections_active", "", self._accepted)
            reporter.push(figures)
        reporter.close()


@pytest.fixture
def workers(running):
    """Start workers that report until the end of the test."""
    started = []

    def start(index: int, pid: int) -> Worker:
        started.append(Worker(running, index, pid))
        return started[-1]

    yield start
    for worker in started:
        worker.close()


def test_probes_are_answered_from_the_start(running):
    """While everything else is still to come."""
    assert running.get(running.health, "/liveness")[0] == 200
    status, table = running.get(running.health, "/readiness")
    assert status == 503
    assert "waiting for the datastore" in table


def test_readiness_follows_the_board(running):
    """Good when all is good, bad again when it is not."""
    running.beat()
    assert running.get(running.health, "/readiness")[0] == 200
    running.board.watcher.status["felix"] = 1
    assert running.get(running.health, "/readiness")[0] == 503
    assert running.get(running.health, "/liveness")[0] == 200


def test_the_log_says_when_readiness_goes_and_comes_and_why(short_folder, monkeypatch, caplog):
    """Once each time."""
    monkeypatch.setattr(process, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(process, "TICK_SECONDS", 0.0)
    caplog.set_level("INFO", "typha.ops.process")
    pretended = Running(short_folder)
    ops = process.Ops(Settings(), pretended.board, short_folder)
    for status in (1, 2, 2, 1, 1, 2):
        pretended.beat()
        pretended.board.watcher.status["felix"] = status
        ops.turn()
    ops.close()
    said = [(record.message, getattr(record, "problems", "")) for record in caplog.records]
    assert said == [
        ("ready", ""),
        ("not ready", "felix-cache: reporting non-ready"),
        ("ready", ""),
    ]


def test_what_workers_count_adds_up_whoever_dies(running, workers):
    """A worker's successor starts from zero; then ops itself is killed."""
    first, other = workers(0, 2000001), workers(1, 2000002)
    first.accepted(5)
    other.accepted(7)
    running.wait_for(ACCEPTED, 12)
    first.close()
    successor = workers(0, 2000003)
    successor.accepted(1)
    running.wait_for(ACCEPTED, 13)
    running.wait_for("typha_connections_active", 8)
    running.kill()
    running.start()
    assert running.metric(ACCEPTED) == 13
    successor.accepted(3)
    running.wait_for(ACCEPTED, 15)
    assert running.metric('typha_worker_connections_accepted_total{worker="0"}') == 8


def test_metrics_have_their_port_to_themselves(running):
    """Nothing else there, and they nowhere else."""
    assert running.get(running.metrics, "/")[0] == 404
    assert running.get(running.health, "/metrics")[0] == 404


def test_the_status_is_there_as_page_and_as_json(running):
    """On the port of the probes."""
    running.beat()
    status = json.loads(running.get(running.health, "/status.json")[1])
    assert (status["phase"], status["live"], status["ready"]) == ("serving", True, True)
    names = [process["name"] for process in status["processes"]]
    assert names == ["ops", "watcher", "worker-0", "worker-1"]
    assert running.get(running.health, "/")[1].startswith("<!doctype html>")


def test_stacks_and_memory_are_told_on_the_debug_port(running):
    """Also under the names of Go's profiler."""
    assert "ops/process.py" in running.get(running.debug, "/debug/pprof/goroutine")[1]
    assert "objects tracked" in running.get(running.debug, "/debug/memory")[1]
