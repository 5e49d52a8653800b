"""Hellos to workers, answered by the real thing and by things that are not."""

import errno
import socket
import threading
from pathlib import Path

import pytest

from typha.ops.prober import AGAIN_SECONDS, INTERVAL_SECONDS, Prober
from typha.scoreboard import Scoreboard
from typha.telemetry import reporting
from workers.probe import Probe


@pytest.fixture
def board() -> Scoreboard:
    """Return the page of a server with one worker, which beats."""
    made = Scoreboard(workers=1)
    made.worker(0).reset(pid=77, now=0.0)
    made.worker(0).heartbeat(1.0)
    return made


@pytest.fixture
def worker(short_folder):
    """Answer hellos as a worker does, on a thread."""
    probe = Probe(short_folder, 0, "v0")
    done = threading.Event()
    visitors: list[int] = []

    def turn() -> None:
        while not done.wait(0.005):
            visitors.extend(probe.arrivals())
            visitors[:] = [visitor for visitor in visitors if not probe.answer(visitor)]

    thread = threading.Thread(target=turn)
    thread.start()
    yield
    done.set()
    thread.join()
    probe.close()


@pytest.mark.usefixtures("worker")
def test_a_worker_that_answers_is_not_deaf(board, short_folder):
    """However often it is asked."""
    prober = Prober(board, short_folder)
    for _ in range(3):
        prober.round()
    assert prober.deaf() == []


def test_a_worker_that_only_beats_its_heart_is_deaf_at_the_second_time(board, short_folder):
    """Once may be chance."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(reporting.probe_path(short_folder, 0)))
        prober = Prober(board, short_folder)
        assert prober.pause() == INTERVAL_SECONDS
        prober.round()
        assert prober.deaf() == []
        assert prober.pause() == AGAIN_SECONDS
        prober.round()
        assert prober.deaf() == ["worker-0"]
        board.worker(0).pid = 78
        assert prober.pause() == INTERVAL_SECONDS
        assert prober.deaf() == []  # its successor has not been asked yet


def test_a_worker_that_is_starting_is_not_asked(board, short_folder):
    """Its socket is still to come."""
    board.worker(0).beaten_at = 0.0
    prober = Prober(board, short_folder)
    for _ in range(3):
        prober.round()
    assert prober.deaf() == []


@pytest.mark.usefixtures("worker")
def test_hearing_again_clears_the_record(board, short_folder):
    """It was busy, and is not any more."""
    prober = Prober(board, short_folder)
    prober._failures.update({("worker-0", 77): 5})
    assert prober.deaf() == ["worker-0"]
    prober.round()
    assert prober.deaf() == []


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "garbage",
    [b"", b"\xff" * 100, b"GET / HTTP/1.0\r\n\r\n", b"\x05"],
    ids=["nothing", "noise", "http", "part"],
)
def test_nonsense_at_the_door_disturbs_no_later_hello(board, short_folder, garbage):
    """The run directory is private, but still."""
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.connect(str(reporting.probe_path(short_folder, 0)))
        visitor.sendall(garbage)
    prober = Prober(board, short_folder)
    prober.round()
    assert not prober._failures


class Failing(Prober):
    """Makes rounds that fail, one at once after another, until it is told to rest."""

    def __init__(self, board: Scoreboard, rundir: Path) -> None:
        super().__init__(board, rundir)
        self.rounds = threading.Semaphore(0)
        self.rests = threading.Event()

    def pause(self) -> float:
        """Rest longer than any test takes: its thread cannot be ended."""
        return 1e6 if self.rests.is_set() else 0.01

    def round(self) -> None:
        """Count it, and fail."""
        self.rounds.release()
        raise OSError(errno.EMFILE, "Too many open files")


def test_a_round_that_cannot_be_made_is_not_the_last(board, short_folder):
    """No more files may be open than are, and later they may again."""
    prober = Failing(board, short_folder)
    prober.start()
    try:
        assert prober.rounds.acquire(timeout=60)
        assert prober.rounds.acquire(timeout=60)
    finally:
        prober.rests.set()
