"""Metrics of the tree."""

import os

import pytest

from typha.ops.census import ServerCollector, TreeCollector
from typha.scoreboard import Phase, Scoreboard


@pytest.fixture
def board() -> Scoreboard:
    """Return the page of a server whose processes all are this one."""
    made = Scoreboard(workers=2)
    made.server.parent_pid = os.getpid()
    for slot in [made.watcher, made.ops, *made.workers]:
        slot.reset(pid=os.getpid(), now=90.0)
        slot.heartbeat(95.0)
    return made


def samples(collector) -> dict[str, dict[str, float]]:
    """Return values by name, then by the label's value."""
    return {
        metric.name: {",".join(each.labels.values()): each.value for each in metric.samples}
        for metric in collector.collect()
    }


def test_restarts_and_silence_are_told_by_process(board):
    """From the scoreboard."""
    board.worker(1).restarts, board.worker(1).hung = 3, 1
    board.watcher.pid = 0
    found = samples(ServerCollector(board, lambda: 100.0, lambda: True))
    assert found["typha_process_restarts_total"]["worker-1"] == 3
    assert found["typha_process_hung_total"] == {
        "ops": 0,
        "watcher": 0,
        "worker-0": 0,
        "worker-1": 1,
    }
    assert found["typha_process_silent_seconds"]["ops"] == 5.0
    assert found["typha_process_silent_seconds"]["watcher"] == 0.0
    assert found["typha_process_memory_bytes"]["ops"] > 0
    assert found["typha_process_memory_bytes"]["watcher"] == 0


def test_the_progress_of_a_shutdown_is_a_gauge(board):
    """What is left; 0 while nothing is being shut down."""
    board.worker(0).active, board.worker(1).active = 3, 4
    assert samples(ServerCollector(board, lambda: 100.0, lambda: True))[
        "typha_drain_remaining"
    ] == {"": 0}
    board.server.phase = Phase.DRAINING
    found = samples(ServerCollector(board, lambda: 100.0, lambda: True))
    assert found["typha_drain_remaining"] == {"": 7}
    assert found["typha_draining"] == {"": 1}


@pytest.mark.parametrize("is_ready", [True, False])
def test_readiness_is_a_gauge(board, is_ready):
    """So that somebody can be told when it stays away."""
    found = samples(ServerCollector(board, lambda: 100.0, lambda: is_ready))
    assert found["typha_ready"] == {"": int(is_ready)}


def test_in_sync_is_told_by_syncer(board):
    """As readiness sees it."""
    board.watcher.status["bgp"] = 2
    found = samples(ServerCollector(board, lambda: 100.0, lambda: True))["typha_in_sync"]
    assert found == {"felix": 0, "bgp": 1, "tunnel-ip-allocation": 0, "node-status": 0}


def test_the_originals_process_families_sum_the_tree(board):
    """Five times this process: parent, ops, watcher and two workers."""
    found = samples(TreeCollector(board))
    assert found.keys() == {
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_network_receive_bytes_total",
        "process_network_transmit_bytes_total",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
        "process_virtual_memory_max_bytes",
    }
    here = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 the same count as the kernel's
    assert found["process_open_fds"][""] == pytest.approx(5 * here, abs=15)


def test_cpu_time_never_goes_backwards(board):
    """Not even while a process that ended is in neither number."""
    collector = TreeCollector(board)
    before = samples(collector)["process_cpu_seconds_total"][""]
    for slot in board.workers:
        slot.pid = 0
    assert samples(collector)["process_cpu_seconds_total"][""] >= before
