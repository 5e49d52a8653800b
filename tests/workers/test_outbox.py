"""One connection's way through control messages, snapshot and log."""

from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st

from typha.syncproto.frames import Frame
from typha.syncproto.messages import SyncStatus
from workers import egress
from workers.egress import Egress
from workers.outbox import PIECE_BYTES, Outbox, Refill
from workers.replica import STALE_SECONDS, TRIM_AFTER, Log


def frame(first, last, payload, status=SyncStatus.IN_SYNC):
    """Make a frame of some sequence numbers."""
    return Frame(1, first, last, last - first + 1, 0.0, status, payload)


def snapshot(data):
    """Make something to send a snapshot from."""
    return SimpleNamespace(view=memoryview(data))


def drained(outbox, log, now=0.0):
    """Take everything there is to send; tell how it ended."""
    sent = b""
    while (refill := outbox.refill(log, now)) is Refill.PIECE:
        sent += bytes(outbox.unsent)
        outbox.taken(len(outbox.unsent))
    return sent, refill


def test_control_messages_come_before_the_snapshot_and_that_before_the_log():
    """The order in which a client expects them."""
    log = Log(1 << 20)
    log.append(frame(1, 2, b"delta"), 0.0)
    outbox = Outbox()
    outbox.send_snapshot(snapshot(b"state"))
    outbox.add(b"hel")
    outbox.add(b"lo")
    assert drained(outbox, log) == (b"hellostate", Refill.SNAPSHOT_SENT)
    assert drained(outbox, log) == (b"", Refill.WAITING)
    outbox.position = 0
    assert drained(outbox, log) == (b"delta", Refill.CAUGHT_UP)
    assert outbox.position == 2


@given(st.integers(0, 3 * egress.PIECE_BYTES))
def test_a_snapshot_leaves_in_pieces(size):
    """So that no client holds up the others."""
    outbox = Outbox()
    outbox.send_snapshot(snapshot(bytes(size)))
    sent = 0
    while outbox.refill(None, 0.0) is Refill.PIECE:
        assert 0 < len(outbox.unsent) <= egress.PIECE_BYTES
        sent += len(outbox.unsent)
        outbox.taken(len(outbox.unsent))
    assert sent == size


def test_a_snapshot_whose_opening_went_ahead_begins_behind_it():
    """The opening was needed for a ping."""
    outbox = Outbox()
    outbox.send_snapshot(snapshot(b"opening, state"), skip=len(b"opening, "))
    assert drained(outbox, None) == (b"state", Refill.SNAPSHOT_SENT)


def test_a_snapshot_waits_until_its_rate_allows_more():
    """And goes on where it stopped; what is no snapshot does not wait."""
    rate = Egress(egress.PIECE_BYTES)
    data = bytes(3 * egress.PIECE_BYTES)
    outbox = Outbox()
    outbox.send_snapshot(snapshot(data), egress=rate)
    sent, refill = drained(outbox, None)
    assert refill is Refill.PACED
    assert len(sent) < len(data)
    outbox.add(b"ping")
    assert drained(outbox, None) == (b"ping", Refill.PACED)
    for second in range(5):
        rate.fill(float(second), 1)
        sent += drained(outbox, None)[0]
    assert sent == data


def test_what_waits_for_a_client_is_counted():
    """What was not taken of the piece on its way, and all behind it that is its own."""
    outbox = Outbox()
    assert outbox.queued_bytes == 0
    outbox.add(b"12345")
    outbox.refill(None, 0.0)
    outbox.taken(2)
    outbox.add(b"67")
    outbox.add(b"8")
    assert outbox.queued_bytes == len(b"345678")


@given(st.binary(min_size=1, max_size=50), st.lists(st.integers(1, 10), max_size=20))
def test_what_was_taken_in_part_goes_on_where_it_stopped(message, steps):
    """Plain sockets take what they have room for."""
    outbox = Outbox()
    outbox.add(message)
    outbox.refill(None, 0.0)
    sent = b""
    for step in [*steps, 50]:
        if outbox.unsent is None:
            break
        sent += bytes(outbox.unsent[:step])
        outbox.taken(min(step, len(outbox.unsent)))
    assert sent == message


def test_who_falls_out_of_the_window_asks_what_changed():
    """And waits for the answer before anything else of the log."""
    log = Log(10)
    for number in range(1, 5):
        log.append(frame(number, number, b"12345"), 0.0)
    outbox = Outbox()
    outbox.position = 0
    assert outbox.refill(log, 0.0) is Refill.BEHIND
    assert outbox.refill(log, 0.0) is Refill.WAITING
    outbox.caught_up_to(4, b"conflated", is_all=True)
    assert drained(outbox, log) == (b"conflated", Refill.CAUGHT_UP)


def test_what_is_left_out_for_a_client_hides_nothing_that_comes_behind_it():
    """Frames are empty where all their keys are of kinds that its release does not know."""
    log = Log(1 << 20)
    empty = 3 * TRIM_AFTER
    for number in range(1, empty + 1):
        log.append(frame(number, number, b""), 0.0)
    log.append(frame(empty + 1, empty + 1, b"known"), 0.0)
    outbox = Outbox()
    outbox.position = 0
    assert drained(outbox, log) == (b"known", Refill.CAUGHT_UP)
    assert outbox.position == log.last


def test_the_status_comes_once_and_behind_all_there_is():
    """Which is as far as the log has come, whatever came first."""
    log = Log(1 << 20)
    outbox = Outbox()
    log.last, log.status = 0, b"[in sync]"
    outbox.caught_up_to(2, b"some", is_all=False)
    assert drained(outbox, log) == (b"some", Refill.CAUGHT_UP), "the log is not there yet"
    log.append(frame(1, 2, b"known"), 0.0)
    log.append(frame(3, 3, b"rest"), 0.0)
    assert drained(outbox, log) == (b"rest[in sync]", Refill.CAUGHT_UP)
    log.append(frame(4, 4, b"news"), 0.0)
    assert drained(outbox, log) == (b"news", Refill.CAUGHT_UP)
    outbox.caught_up_to(4, b"all[in sync]", is_all=True)
    assert drained(outbox, log) == (b"all[in sync]", Refill.CAUGHT_UP)


@pytest.mark.parametrize(
    ("age", "frames", "size", "replayed"),
    [
        (0.0, 10, 64 * 1024, True),
        (STALE_SECONDS + 1, 10, 64 * 1024, False),
        (STALE_SECONDS + 1, 1000, 8, False),
        (STALE_SECONDS + 1, 10, 8, True),
    ],
)
def test_much_old_history_is_conflated_rather_than_replayed(age, frames, size, replayed):
    """A client that slept is told what has become of it all; for a little nobody is asked."""
    log = Log(64 << 20)
    for number in range(1, frames + 1):
        log.append(frame(number, number, bytes(size)), 100.0)
    assert (log.after(0, PIECE_BYTES, 100.0 + age) is not None) is replayed


@pytest.mark.parametrize("status", [SyncStatus.WAIT_FOR_READY, SyncStatus.RESYNC])
def test_a_list_that_comes_in_is_replayed_however_long_it_takes(status):
    """Each key is new: whoever is slower than the list has nothing to ask the watcher for."""
    log = Log(64 << 20)
    for number in range(1, 11):
        log.append(frame(number, number, bytes(64 * 1024), status), 0.0)
    assert log.after(0, PIECE_BYTES, STALE_SECONDS + 1) is not None


@given(
    st.lists(st.tuples(st.integers(1, 3), st.binary(min_size=1, max_size=9)), max_size=30),
    st.integers(5, 60),
    st.integers(0, 40),
    st.integers(1, 20),
)
def test_the_log_gives_exactly_what_follows_a_position(sizes, window, position, most):
    """Every frame that ends behind it, in order, or the confession that some are gone."""
    log = Log(window)
    frames, last = [], 0
    for count, payload in sizes:
        frames.append(frame(last + 1, last + count, payload))
        log.append(frames[-1], 0.0)
        last += count
    position = min(position, last)
    wanted = b"".join(f.payload for f in frames if f.last > position)
    got = b""
    while (piece := log.after(position, most, 0.0)) is not None and piece.payload:
        assert piece.position > position
        assert len(piece.payload) <= most or piece.payload in [f.payload for f in frames]
        got += piece.payload
        position = piece.position
    if piece is None:
        assert got == b""
        assert sum(len(f.payload) for f in frames) > window
    else:
        assert got == wanted
        assert position == last
    assert log.size <= max(window, len(frames[-1].payload) if frames else 0)


class Payload(bytes):
    """Eight bytes that are counted while somebody holds them."""

    held = 0

    def __new__(cls, number):
        """Hold a number."""
        cls.held += 1
        return super().__new__(cls, number.to_bytes(8))

    def __del__(self):
        """Hold it no more."""
        type(self).held -= 1


def test_a_log_that_goes_on_and_on_forgets_the_oldest_frames_and_no_others():
    """A position is answered in full or not at all, and what came when stays known."""
    window = 500
    log = Log(window * 8)
    for last in range(1, 4 * window):
        log.append(frame(last, last, Payload(last)), last / 1000)
        assert Payload.held <= 3 * window
        for position in {max(0, last - window - 1), max(0, last - window), last - 1}:
            if position < last - window:
                assert log.after(position, PIECE_BYTES, last / 1000) is None
                continue
            outbox = Outbox()
            outbox.position = position
            wanted = b"".join(n.to_bytes(8) for n in range(position + 1, last + 1))
            assert drained(outbox, log, last / 1000) == (wanted, Refill.CAUGHT_UP)
            assert log.born_at(position) == (position + 1) / 1000
        assert log.born_at(last) == 0.0
