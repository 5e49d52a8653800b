"""That nothing can be written shows while it lasts, and is tried again though nobody asks."""

import errno

import pytest

from tests.whole.processes import pipeline
from typha.bus.wire import SnapshotWanted
from typha.scoreboard import Scoreboard
from typha.syncproto.frames import Topic
from typha.syncproto.messages import Codec, Dialect, SyncerType
from typha.telemetry.obstacles import REMIND_SECONDS
from typha.watcher.answers import Answers
from typha.watcher.room import RETRY_SECONDS, Room

QUESTION = SnapshotWanted(Topic(SyncerType.FELIX, Dialect.MODERN, Codec.PLAIN).to_bytes(), 7)


@pytest.fixture
def slot():
    """Take the watcher's place on a board."""
    return Scoreboard(workers=1).watcher


@pytest.fixture
def answers(tmp_path):
    """Answer out of a run directory that is not there yet."""
    return Answers(pipeline(), tmp_path / "run", 100)


def asked(answers, room, now):
    """Ask as a worker does, and note what comes of it; tell whether there is a snapshot."""
    try:
        answers.answer(QUESTION)
    except OSError as error:
        room.failed(error, now)
        return False
    return True


def test_it_shows_until_whoever_asks_again_gets_a_snapshot(answers, slot, tmp_path, caplog):
    """Two lines in the log, however often it was tried."""
    caplog.set_level("INFO", "typha.watcher")
    room = Room(answers, slot)
    for now in range(3):
        assert not asked(answers, room, now)
        room.turn(now)
    assert slot.snapshot_errno == errno.ENOENT
    (tmp_path / "run").mkdir()
    assert asked(answers, room, 3)
    room.turn(3)
    assert slot.snapshot_errno == 0
    first, last = caplog.records
    assert (first.message, first.error) == (
        "no snapshot can be written to RunDir",
        "No such file or directory",
    )
    assert last.message == "snapshots can be written again"


def test_it_is_tried_again_though_those_who_asked_have_gone(answers, slot, tmp_path):
    """For an unready server is asked by nobody."""
    room = Room(answers, slot)
    assert not asked(answers, room, 0.0)
    room.turn(RETRY_SECONDS)
    assert slot.snapshot_errno
    (tmp_path / "run").mkdir()
    room.turn(RETRY_SECONDS + 1.0)
    assert slot.snapshot_errno
    room.turn(2 * RETRY_SECONDS)
    assert slot.snapshot_errno == 0
    assert answers.generated[SyncerType.FELIX] == 1
    assert asked(answers, room, 2 * RETRY_SECONDS)
    assert answers.reused[SyncerType.FELIX] == 1


def test_the_log_reminds_of_what_lasts(answers, slot, caplog):
    """Once a minute."""
    room = Room(answers, slot)
    for now in range(int(2 * REMIND_SECONDS) + 1):
        assert not asked(answers, room, float(now))
    assert len(caplog.records) == 3
