"""The table that probes get, and what it takes to be alive and ready."""

import errno

import pytest

from typha.ops import health
from typha.scoreboard import SYNCERS, Phase, Scoreboard

NOW = 1000.0

RECORDED = """\
+----------------------------+---------+----------------+---------------------+--------+
|         COMPONENT          | TIMEOUT |    LIVENESS    |      READINESS      | DETAIL |
+----------------------------+---------+----------------+---------------------+--------+
| SyncServer                 | 20s     | reporting live | -                   |        |
| bgp-cache                  | 20s     | reporting live | reporting non-ready |        |
| felix-cache                | 20s     | reporting live | reporting ready     |        |
| node-status-cache          | 20s     | reporting live | reporting ready     |        |
| tunnel-ip-allocation-cache | 20s     | reporting live | reporting ready     |        |
+----------------------------+---------+----------------+---------------------+--------+"""


@pytest.fixture
def board() -> Scoreboard:
    """Return the page of a server in its best health."""
    made = Scoreboard(workers=2)
    made.server.phase = Phase.SERVING
    made.server.parent_heartbeat = NOW
    for pid, slot in enumerate([made.watcher, made.ops, *made.workers], start=10):
        slot.reset(pid=pid, now=NOW - 60)
        slot.heartbeat(NOW - 0.2)
    for syncer in SYNCERS:
        made.watcher.status[syncer] = 2
    return made


def judge(board, stale=(), deaf=()):
    """Judge the board at the time the tests are at."""
    return health.judge(board, NOW, stale, deaf)


def row(verdict, component) -> health.Row:
    """Return one row."""
    return next(row for row in verdict.rows if row.component == component)


@pytest.mark.golden
def test_the_table_is_the_one_recorded_from_the_original(board):
    """To the blank."""
    board.watcher.status["bgp"] = 1
    verdict = judge(board)
    assert health.table(verdict.rows) == RECORDED
    assert verdict.is_live
    assert not verdict.is_ready


def test_a_healthy_server_is_live_and_ready(board):
    """And says nothing more than the original does."""
    verdict = judge(board)
    assert (verdict.is_live, verdict.is_ready, verdict.problems) == (True, True, ())


@pytest.mark.parametrize("syncer", SYNCERS)
def test_every_syncer_has_to_be_in_sync(board, syncer):
    """Status 1 is not enough."""
    board.watcher.status[syncer] = 1
    verdict = judge(board)
    assert not verdict.is_ready
    assert verdict.problems == (f"{syncer}-cache: reporting non-ready",)


def test_in_its_first_second_a_server_is_alive_and_not_ready():
    """Before a single process has beaten its heart."""
    board = Scoreboard(workers=2)
    board.server.parent_heartbeat = NOW
    verdict = judge(board)
    assert (verdict.is_live, verdict.is_ready) == (True, False)
    assert "waiting for the datastore" in row(verdict, "SyncServer").detail


def test_shutting_down_turns_readiness_off_and_leaves_liveness(board):
    """So that no new client comes, and nobody is killed while shedding."""
    board.server.phase = Phase.DRAINING
    verdict = judge(board)
    assert (verdict.is_live, verdict.is_ready) == (True, False)
    assert row(verdict, "SyncServer") == health.Row(
        "SyncServer", "reporting live", "reporting non-ready", "shutting down"
    )


def test_one_silent_worker_is_named_and_does_not_cost_the_servers_life(board):
    """The parent replaces it; the others serve on."""
    board.worker(1).beaten_at = NOW - 12
    verdict = judge(board)
    assert (verdict.is_live, verdict.is_ready) == (True, False)
    assert verdict.problems == ("worker-1 silent for 12s",)


def test_a_worker_that_does_not_run_is_named(board):
    """Between its death and its successor."""
    board.worker(0).pid = 0
    assert judge(board).problems == ("worker-0 not running",)


def test_a_worker_that_fails_its_probe_is_named(board):
    """Its loop may turn although nobody gets in."""
    verdict = judge(board, deaf=["worker-1"])
    assert not verdict.is_ready
    assert verdict.problems == ("worker-1 does not answer",)


def test_without_any_worker_alive_restarting_is_the_cure(board):
    """Liveness fails after the original's twenty seconds."""
    for slot in board.workers:
        slot.beaten_at = NOW - 21
    verdict = judge(board)
    assert not verdict.is_live
    assert row(verdict, "SyncServer").liveness == "timed out"


def test_without_a_parent_nobody_mends(board):
    """It is stopped or stuck; the kubelet takes over."""
    board.server.parent_heartbeat = NOW - 10
    assert (judge(board).is_live, judge(board).is_ready) == (True, False)
    board.server.parent_heartbeat = NOW - 21
    assert not judge(board).is_live


def test_a_hung_watcher_first_costs_readiness_then_times_out(board):
    """All its caches show it, as the original's do."""
    board.watcher.beaten_at = NOW - 6
    verdict = judge(board)
    assert (verdict.is_live, verdict.is_ready) == (True, False)
    assert verdict.problems == ("watcher silent for 6s",)
    board.watcher.beaten_at = NOW - 21
    assert row(judge(board), "felix-cache").liveness == "timed out"
    assert row(judge(board), "felix-cache").readiness == "timed out"


def test_stale_resources_are_named_and_cost_readiness_only(board):
    """Restarting would help nobody while the datastore is away."""
    board.watcher.stale = 2
    verdict = judge(board, stale=["nodes", "pods"])
    assert (verdict.is_live, verdict.is_ready) == (True, False)
    assert verdict.problems == ("stale: nodes, pods",)


def test_who_can_serve_nobody_new_is_not_ready(board):
    """Those who are connected are served; the error is the kernel's."""
    board.watcher.snapshot_errno = errno.ENOSPC
    verdict = judge(board)
    assert (verdict.is_live, verdict.is_ready) == (True, False)
    assert verdict.problems == ("no snapshot can be written to RunDir: No space left on device",)


def test_the_table_grows_with_what_it_has_to_say(board):
    """Every line stays as long as the others."""
    board.worker(1).beaten_at = NOW - 12
    lines = health.table(judge(board).rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "worker-1 silent for 12s" in lines[3]


def test_a_last_known_state_is_not_ready_and_says_why(board):
    """Keys from before count against it only until the syncer is in sync."""
    board.watcher.status["felix"] = 1
    for syncer in SYNCERS:
        board.watcher.unverified[syncer] = 5
    verdict = judge(board)
    assert not verdict.is_ready
    assert verdict.problems == ("serving the last known state, which is not verified yet",)
    assert row(verdict, "bgp-cache").detail == ""  # a watcher was replaced: its clients know all
