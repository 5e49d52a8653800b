"""The shared page: what one process writes is what the others read."""

import os

import pytest

from typha.scoreboard import SYNCERS, Phase, Scoreboard
from typha.syncproto.messages import SyncerType

# The test runner may have threads; the child only does what is written here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@pytest.fixture
def board() -> Scoreboard:
    """Return the page of a server with three workers."""
    return Scoreboard(workers=3)


def words_used(slot) -> list[int]:
    """Return the places of the words that are not zero."""
    return [place for place, word in enumerate(slot.whole) if word]


def test_the_syncers_are_those_of_the_protocol():
    """The scoreboard lies below the protocol's package and repeats their names."""
    assert tuple(syncer.value for syncer in SyncerType) == SYNCERS


@pytest.mark.parametrize("kind", ["server", "watcher", "ops", "worker"])
def test_no_two_fields_share_a_word(kind):
    """Each field of a slot keeps its own value beside all others."""
    board = Scoreboard(workers=1)
    slot = board.worker(0) if kind == "worker" else getattr(board, kind)
    cells = [
        (slot, name, None)
        for owner in type(slot).__mro__
        for name, field in vars(owner).items()
        if type(field).__name__ in {"_Whole", "_Seconds"}
    ]
    cells += [
        (getattr(slot, name), None, syncer)
        for name, field in vars(type(slot)).items()
        if type(field).__name__ == "_PerSyncer"
        for syncer in SYNCERS
    ]
    for number, (holder, name, syncer) in enumerate(cells, start=1):
        if name is None:
            holder[syncer] = number
        else:
            setattr(holder, name, number)
    read = [h[syncer] if name is None else getattr(h, name) for h, name, syncer in cells]
    assert read == list(range(1, len(cells) + 1))
    assert len(words_used(slot)) == len(cells)


def test_slots_of_different_processes_do_not_overlap(board):
    """Filling one slot leaves the neighbours empty."""
    slots = [board.server, board.watcher, board.ops, *board.workers]
    for number, slot in enumerate(slots, start=1):
        for place in range(len(slot.whole)):
            slot.whole[place] = number
    assert [set(slot.whole) for slot in slots] == [{n} for n in range(1, len(slots) + 1)]


def test_what_a_forked_child_writes_the_parent_reads(board):
    """The page is shared, not copied, by fork."""
    child = os.fork()
    if child == 0:
        board.worker(1).active = 17
        board.watcher.sequence["bgp"] = 5
        board.server.phase = Phase.SERVING
        os._exit(0)
    os.waitpid(child, 0)
    assert board.worker(1).active == 17
    assert board.watcher.sequence["bgp"] == 5
    assert board.watcher.sequence["felix"] == 0
    assert board.server.phase is Phase.SERVING


def test_a_silent_worker_does_not_hold_the_others_back(board):
    """The lowest count is taken among workers whose loop turned within a second."""
    for slot, active in zip(board.workers, (3, 9, 7), strict=True):
        slot.active = active
        slot.heartbeat(100.0)
    board.worker(0).beaten_at = 98.5
    assert board.lowest_connections(now=100.2) == 7
    assert board.lowest_connections(now=200.0) == 0


def test_the_batching_window_follows_the_slowest_lively_worker(board):
    """A worker that hangs does not stretch the window."""
    for slot, took in zip(board.workers, (0.002, 0.5, 0.004), strict=True):
        slot.fan_out_seconds = took
        slot.heartbeat(100.0)
    board.worker(1).beaten_at = 90.0
    assert board.slowest_fan_out(now=100.0) == 0.004


def test_connections_of_a_dead_worker_do_not_count(board):
    """The parent clears the pid when it reaps a process."""
    for slot in board.workers:
        slot.reset(pid=1, now=0.0)
        slot.active, slot.streaming = 10, 4
    board.worker(2).pid = 0
    assert board.connections() == 20
    assert board.streaming() == 8


def test_a_new_process_starts_with_an_empty_slot_and_its_history(board):
    """Restarts are counted over the life of the server, everything else anew."""
    slot = board.worker(0)
    slot.restarts, slot.hung, slot.active, slot.drains_asked = 2, 1, 40, 6
    slot.heartbeat(50.0)
    slot.reset(pid=4242, now=60.0)
    assert (slot.restarts, slot.hung, slot.pid) == (2, 1, 4242)
    assert (slot.active, slot.drains_wanted(), slot.beaten_at) == (0, 0, 0.0)
    assert slot.silent_for(61.5) == 1.5


def test_requests_to_close_connections_add_up_until_done(board):
    """Drains and sheds are counted apart, since they end connections for different reasons."""
    slot = board.worker(0)
    slot.drains_asked += 3
    slot.sheds_asked += 2
    slot.drains_done += 1
    assert (slot.drains_wanted(), slot.sheds_wanted()) == (2, 2)
    slot.drains_done += 5
    assert slot.drains_wanted() == 0


def test_in_sync_is_the_protocols_third_status(board):
    """Resync is not in-sync."""
    board.watcher.status["felix"] = 1
    assert not board.watcher.in_sync("felix")
    board.watcher.status["felix"] = 2
    assert board.watcher.in_sync("felix")
    assert not board.watcher.in_sync("bgp")


def test_all_posts_have_names():
    """In the order of their start."""
    assert list(Scoreboard(workers=2).posts()) == ["ops", "watcher", "worker-0", "worker-1"]
