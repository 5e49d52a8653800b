"""What the scoreboard and the processes tell, put together."""

import orjson
import pytest

from typha.ops.ledger import Ledger, Sender
from typha.ops.overview import Overview
from typha.ops.prober import Prober
from typha.scoreboard import Phase, Scoreboard
from typha.telemetry.figures import Figures


class Answers:
    """A desk on which the answers lie ready; it remembers who was asked for what."""

    def __init__(self, **answers: dict[str, bytes]) -> None:
        self._answers = answers
        self.asked: dict[str, set[str]] = {}

    def ask(self, questions):
        """Return the answers of those who were asked and have one."""
        self.asked = {name: {s.name for s in senders} for name, senders in questions.items()}
        return {
            name: {post: a for post, a in self._answers.get(name, {}).items() if post in asked}
            for name, asked in self.asked.items()
        }


@pytest.fixture
def board() -> Scoreboard:
    """Return the page of a server of two workers."""
    made = Scoreboard(workers=2)
    made.server.phase = Phase.SERVING
    for pid, slot in enumerate([made.watcher, made.ops, *made.workers], start=1):
        slot.reset(pid=pid, now=0.0)
    return made


def overview(board, desk, tmp_path, ledger=None) -> Overview:
    """Return the view of a board."""
    return Overview(board, ledger or Ledger(), desk, Prober(board, tmp_path))


def test_clients_of_all_workers_come_together_those_furthest_behind_first(board, tmp_path):
    """Some may not be streaming yet."""
    desk = Answers(
        clients={
            "worker-0": orjson.dumps([{"id": 1, "behind_seconds": 0.5}]),
            "worker-1": orjson.dumps([{"id": 2, "behind_seconds": 9.0}, {"id": 3}]),
        }
    )
    found = overview(board, desk, tmp_path).clients()
    assert [client["id"] for client in found] == [2, 1, 3]
    assert desk.asked == {"clients": {"worker-0", "worker-1"}}


def test_only_living_processes_are_asked(board, tmp_path):
    """Waiting for the dead would take all the time there is."""
    board.worker(0).pid = 0
    desk = Answers()
    overview(board, desk, tmp_path).everything()
    assert desk.asked == {
        "streams": {"watcher"},
        "invalid": {"watcher"},
        "clients": {"worker-1"},
    }


def test_a_process_that_knows_nothing_says_null(board, tmp_path):
    """Which is no row."""
    desk = Answers(streams={"watcher": b"null"})
    assert overview(board, desk, tmp_path).status()["streams"] == []


@pytest.mark.parametrize(
    ("stale", "named"),
    [
        ({"pods": 1.0, "nodes": 0.0}, "stale: pods"),
        ({"pods": 1.0, "nodes": 1.0, "services": 0.0}, "stale: nodes, pods"),
        ({"pods": 1.0, "nodes": 1.0, "services": 1.0}, "stale: every resource"),
    ],
)
def test_stale_resources_are_named_from_the_watchers_figures(board, tmp_path, stale, named):
    """The board only has their number; if it is all of them, that says more than their names."""
    figures = Figures()
    figures.set_gauges("typha_upstream_stale", stale)
    ledger = Ledger()
    ledger.take(Sender("watcher", 1), figures)
    board.watcher.stale = 1
    board.watcher.heartbeat(1e12)
    problems = overview(board, Answers(), tmp_path, ledger).verdict().problems
    assert named in problems
