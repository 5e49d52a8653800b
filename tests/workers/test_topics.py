"""The streams of a worker's clients: what is asked, at once, and who is told what.

That everybody ends with the truth is the model test's to show; here is what it would not miss, for
a question that is not asked now is asked again two seconds later.  One module, for it is one
machine whose inputs they are.
"""

from pathlib import Path

import pytest

from tests.whole.bus import Bus, WorkerEnd
from tests.workers.clients import Client
from typha.bus import wire
from typha.bus.wire import Changes, ChangesWanted, HistoryLost, SnapshotReady, SnapshotWanted, Tick
from typha.syncproto import frames
from typha.syncproto.frames import Frame, Topic
from typha.syncproto.messages import Codec, Dialect, SyncerType, SyncStatus
from typha.telemetry.closing import CloseReason
from workers.connection import Stage
from workers.counting import Counts
from workers.egress import UNLIMITED
from workers.following import NO_SNAPSHOT_SECONDS
from workers.outbox import PIECE_BYTES, Refill
from workers.topics import ASK_AGAIN_SECONDS, FOR_ALL, IDLE_SECONDS, Topics

FELIX = SyncerType.FELIX
TOPIC = Topic(FELIX, Dialect.MODERN, Codec.PLAIN)
NAME = TOPIC.to_bytes()
EPOCH = 5
IN_SYNC = frames.status_alone(SyncStatus.IN_SYNC, Codec.PLAIN)


def frame(first, last=None, epoch=EPOCH):
    """Make a frame of some sequence numbers, whose payload says which."""
    last = first if last is None else last
    return Frame(epoch, first, last, 1, 0.0, SyncStatus.IN_SYNC, f"{first}-{last};".encode())


class Worker:
    """Topics, and the end of the bus that they have."""

    def __init__(self, folder):
        self.bus = Bus()
        self.end = WorkerEnd(self.bus)
        self.counts = Counts()
        self.topics = Topics(self.end, 1 << 20, self.counts, UNLIMITED)
        self._folder = folder

    def come(self, number, now=1.0):
        """Let a client want the topic's state."""
        client = Client(number, Codec.PLAIN, Stage.WAITING)
        self.topics.want_snapshot(client, TOPIC, now)
        return client

    def joined(self, number):
        """Let a client come that streams at once."""
        client = self.come(number)
        assert refilled(client) == ([b"state"], Refill.SNAPSHOT_SENT)
        self.topics.join(client, 0.0)
        client.sent.clear()
        return client

    def asked(self):
        """Give, once, the questions that were asked."""
        questions = [wire.decode_question(asked.parts) for asked in self.bus.questions]
        self.bus.questions.clear()
        return questions

    def published(self, *parts, now=1.0):
        """Let frames or ticks arrive in one turn."""
        self.end.frames_coming.extend(parts)
        self.end.let_through(len(parts), 0)
        self.topics.receive(now)

    def answered(self, answer, now=1.0):
        """Let an answer arrive."""
        self.end.answers_coming.append(wire.encode_answer(answer))
        self.end.let_through(0, 1)
        self.topics.receive(now)

    def snapshot(self, sequence, name="snapshot"):
        """Make the answer that a snapshot is ready."""
        path = self._folder / name
        path.write_bytes(b"state")
        status = SyncStatus.IN_SYNC
        return SnapshotReady(NAME, FOR_ALL, EPOCH, sequence, sequence, status, 1, str(path), 5)


@pytest.fixture
def worker(tmp_path):
    """Begin with no topic followed."""
    return Worker(tmp_path)


@pytest.fixture
def streaming(worker):
    """Begin with a topic that is followed from sequence number 10 on, and one client."""
    client = worker.come(1)
    worker.asked()
    worker.answered(worker.snapshot(10))
    assert refilled(client) == ([b"state"], Refill.SNAPSHOT_SENT)
    worker.topics.join(client, 0.0)
    client.sent.clear()
    worker.topics.take_writes()
    return worker, client


def refilled(client):
    """Take all that a client is to be sent now; tell how it ended."""
    pieces = []
    while (refill := client.refill(client.replica.log, 1.0)) is Refill.PIECE:
        pieces.append(bytes(client.unsent))
        client.unsent = None
    return pieces, refill


def published(frame):
    """Make the parts of a frame."""
    return wire.encode_frame(NAME, frame)


def tick(sequence):
    """Make the parts of a tick."""
    return wire.encode_tick(Tick(EPOCH, {FELIX.value: sequence}))


def test_who_waits_in_vain_may_look_elsewhere(worker):
    """As where no snapshot can be written; whoever came later still waits."""
    early, late = worker.come(1, now=1.0), worker.come(2, now=31.0)
    worker.topics.remind(1.0 + NO_SNAPSHOT_SECONDS)
    assert (early.ending, late.ending) == (None, None)
    worker.topics.take_writes()
    worker.topics.remind(1.5 + NO_SNAPSHOT_SECONDS)
    assert (early.ending, late.ending) == (CloseReason.NO_SNAPSHOT, None)
    assert worker.topics.take_writes() == [early]
    worker.topics.leave(early)
    worker.answered(worker.snapshot(10))
    assert late.state is Stage.SNAPSHOT


def test_a_pause_of_this_process_is_no_waiting(worker):
    """Nobody could have been answered."""
    client = worker.come(1, now=1.0)
    client.forgive(100.0, 101.0)
    worker.topics.remind(100.0 + NO_SNAPSHOT_SECONDS)
    assert client.ending is None


def test_those_who_come_together_share_a_snapshot(worker):
    """It is asked for once, and whoever comes while it is fresh has it at once."""
    first, second = worker.come(1), worker.come(2)
    assert worker.asked() == [SnapshotWanted(NAME, FOR_ALL)]
    assert NAME in worker.end.topics
    worker.answered(worker.snapshot(10))
    third = worker.come(3)
    assert first.state is second.state is third.state is Stage.SNAPSHOT
    assert first.starts_from == second.starts_from == third.starts_from == 10
    assert worker.topics.take_writes() == [first, second, third]
    assert worker.asked() == []
    assert worker.counts.reused[FELIX] == 2


def test_who_left_meanwhile_is_sent_nothing(worker):
    """Its socket is closed."""
    gone, stays = worker.come(1), worker.come(2)
    worker.topics.leave(gone)
    worker.answered(worker.snapshot(10))
    assert worker.topics.take_writes() == [stays]
    worker.topics.join(stays, 0.0)
    worker.topics.leave(stays)
    worker.topics.take_writes()
    worker.published(published(frame(11)))
    assert worker.topics.take_writes() == []
    assert stays.position == 10


def test_a_newcomer_waits_for_a_snapshot_of_now_but_not_for_long(streaming):
    """One that the watcher does not make in time is replaced by the one at hand."""
    worker, _ = streaming
    worker.published(published(frame(11)))
    client = worker.come(2)
    assert worker.asked() == [SnapshotWanted(NAME, FOR_ALL)]
    worker.published(published(frame(12)))
    assert client.state is Stage.WAITING
    worker.topics.remind(1.1 + ASK_AGAIN_SECONDS)
    assert client.state is Stage.SNAPSHOT
    assert client.starts_from == 10


def test_a_snapshot_that_cannot_be_read_is_asked_for_again_soon(worker):
    """Not at once: that could be thousands of times a second."""
    client = worker.come(1)
    worker.asked()
    ready = worker.snapshot(10)
    worker.answered(ready._replace(path=ready.path + "-gone"), now=1.0)
    assert worker.asked() == []
    worker.topics.remind(1.0 + ASK_AGAIN_SECONDS)
    assert worker.asked() == []
    worker.topics.remind(1.1 + ASK_AGAIN_SECONDS)
    assert worker.asked() == [SnapshotWanted(NAME, FOR_ALL)]
    worker.answered(ready)
    assert client.state is Stage.SNAPSHOT


def test_a_newcomer_is_sent_the_little_that_came_since_and_then_the_status(streaming):
    """Once, in one piece with the opening of its stream."""
    worker, _ = streaming
    client = worker.come(2)
    assert refilled(client) == ([b"state"], Refill.SNAPSHOT_SENT)
    worker.published(published(frame(11)), published(frame(12)))
    worker.topics.join(client, 0.0)
    assert client.sent == [frames.opening(Codec.PLAIN), b"11-11;12-12;", IN_SYNC]
    assert refilled(client) == ([], Refill.CAUGHT_UP)
    assert client.position == 12


def test_a_newcomer_that_has_missed_too_much_is_told_the_status_behind_all_of_it(streaming):
    """It is more than one piece."""
    worker, _ = streaming
    client = worker.come(2)
    assert refilled(client) == ([b"state"], Refill.SNAPSHOT_SENT)
    large = bytes(40_000)
    worker.published(*(published(frame(n)._replace(payload=large)) for n in (11, 12)))
    worker.topics.join(client, 0.0)
    assert client.sent == [frames.opening(Codec.PLAIN)]
    assert refilled(client) == ([large, large, IN_SYNC], Refill.CAUGHT_UP)


def test_a_newcomer_whose_snapshot_took_too_long_asks_what_has_changed(streaming):
    """The log does not reach back any more."""
    worker, _ = streaming
    client = worker.come(2)
    assert refilled(client) == ([b"state"], Refill.SNAPSHOT_SENT)
    for number in range(11, 40):
        worker.published(published(frame(number)._replace(payload=bytes(PIECE_BYTES))))
    worker.topics.join(client, 1.0)
    assert refilled(client) == ([], Refill.BEHIND)


def test_what_comes_in_one_turn_is_handed_over_in_one_piece(streaming):
    """To whom has everything before it; others come to it in their own time."""
    worker, client = streaming
    busy, behind = worker.joined(2), worker.joined(3)
    busy.unsent = b"rest"
    behind.position = 9
    worker.topics.take_writes()
    worker.published(published(frame(11)), published(frame(12)))
    assert client.sent == [b"11-11;12-12;"]
    assert client.position == 12
    assert worker.topics.take_writes() == [busy, behind]
    assert busy.sent == behind.sent == []
    assert (busy.position, behind.position) == (10, 9)
    assert worker.counts.at_once[FELIX] == 2 * 3  # frames to clients


def test_what_cannot_be_handed_over_at_once_is_written_in_turns(streaming):
    """A client without room, and more than a piece: nobody waits for another's share."""
    worker, client = streaming
    without_room = worker.joined(2)
    without_room.hand_over = lambda _payload: False
    worker.topics.take_writes()
    worker.published(published(frame(11)))
    assert worker.topics.take_writes() == [without_room]
    client.sent.clear()
    worker.published(published(frame(12)._replace(payload=bytes(PIECE_BYTES + 1))))
    assert worker.topics.take_writes() == [client, without_room]
    assert client.sent == []
    assert client.position == 11


def test_a_frame_that_is_empty_in_a_client_s_dialect_is_not_sent(streaming):
    """It only moves the position."""
    worker, client = streaming
    worker.published(published(frame(11)._replace(payload=b"")))
    assert client.sent == []
    assert client.position == 11
    assert worker.topics.take_writes() == []


def test_a_gap_is_asked_for_at_once(streaming):
    """Whether a frame shows it, or a tick: until the answer comes, clients hear nothing."""
    worker, client = streaming
    worker.published(published(frame(12)), published(frame(13)))
    assert worker.asked() == [ChangesWanted(NAME, 10, EPOCH, FOR_ALL)]
    worker.answered(Changes(NAME, FOR_ALL, more=False, frame=frame(11, 13)))
    assert client.sent == [b"11-13;"]
    worker.published(tick(13))
    assert worker.asked() == []
    worker.published(tick(14))
    assert worker.asked() == [ChangesWanted(NAME, 13, EPOCH, FOR_ALL)]
    assert worker.counts.gaps[FELIX] == 2


def test_a_question_that_stays_unanswered_is_repeated_after_a_while(streaming):
    """A watcher that was replaced meanwhile never got it."""
    worker, client = streaming
    worker.published(tick(11), now=1.0)
    client.position = 9
    worker.topics.ask_changes_for(client, 1.0)
    questions = worker.asked()
    assert len(questions) == 2
    worker.topics.remind(1.0 + ASK_AGAIN_SECONDS)
    assert worker.asked() == []
    worker.topics.remind(1.1 + ASK_AGAIN_SECONDS)
    assert worker.asked() == questions
    worker.topics.remind(1.2 + ASK_AGAIN_SECONDS)
    assert worker.asked() == []


def test_who_fell_out_of_the_log_is_sent_what_the_watcher_says(streaming):
    """All that stand at one place have one answer, which says what they have then."""
    worker, first = streaming
    second, third = worker.joined(2), worker.joined(3)
    first.position = second.position = 7
    for client in (first, second):
        client.is_catching_up = True
        worker.topics.ask_changes_for(client, 0.0)
    assert worker.asked() == [ChangesWanted(NAME, 7, EPOCH, 7)]
    worker.topics.take_writes()
    worker.answered(Changes(NAME, 7, more=False, frame=frame(8, 10)))
    assert worker.topics.take_writes() == [first, second]
    assert first.sent == second.sent == [b"8-10;"]
    assert first.position == second.position == 10
    assert third.sent == []
    assert worker.counts.catch_ups[FELIX] == 2


@pytest.mark.parametrize(("more", "then"), [(True, [IN_SYNC]), (False, [])])
def test_an_answer_that_is_not_all_leaves_the_status_to_the_log(streaming, more, then):
    """The watcher's last one ends with it."""
    worker, client = streaming
    client.position = 7
    worker.topics.ask_changes_for(client, 1.0)
    worker.answered(Changes(NAME, 7, more=more, frame=frame(8, 10)))
    assert refilled(client) == (then, Refill.CAUGHT_UP)


def test_who_has_left_is_sent_no_answer(streaming):
    """Its socket is closed."""
    worker, client = streaming
    client.position = 7
    worker.topics.ask_changes_for(client, 1.0)
    worker.topics.leave(client)
    worker.answered(Changes(NAME, 7, more=False, frame=frame(8, 10)))
    assert worker.topics.take_writes() == []


def test_an_answer_about_another_epoch_is_none(streaming):
    """It was asked before the topic was lost and begun anew: its numbers mean something else."""
    worker, client = streaming
    client.position = 7
    worker.topics.ask_changes_for(client, 1.0)
    worker.answered(Changes(NAME, 7, more=False, frame=frame(8, 10, epoch=EPOCH - 1)))
    assert worker.topics.take_writes() == []
    assert client.position == 7


def test_whose_past_is_forgotten_has_to_begin_anew_and_nobody_else(streaming):
    """Deletions since then are not known any more."""
    worker, lost = streaming
    stays = worker.joined(2)
    lost.position = 7
    worker.topics.ask_changes_for(lost, 0.0)
    worker.topics.take_writes()
    worker.answered(HistoryLost(NAME, 7))
    assert worker.topics.take_writes() == [lost]  # so that it is closed at once
    assert lost.ending is CloseReason.HISTORY_LOST
    assert stays.ending is None
    worker.published(published(frame(11)))
    assert stays.sent == [b"11-11;"]


def test_another_epoch_ends_all_who_follow_the_topic(streaming):
    """Those who wait, those who stream, and those whose snapshot is still on its way."""
    worker, streams = streaming
    under_way = worker.come(2)
    worker.published(published(frame(11)))
    waits = worker.come(3)
    worker.published(published(frame(12, epoch=EPOCH + 1)))
    assert streams.ending is waits.ending is CloseReason.HISTORY_LOST
    assert NAME not in worker.end.topics
    assert under_way.ending is None
    worker.asked()
    anew = worker.come(4)
    assert worker.asked() == [SnapshotWanted(NAME, FOR_ALL)]
    worker.answered(worker.snapshot(3, "anew")._replace(epoch=EPOCH + 1))
    assert anew.state is Stage.SNAPSHOT
    worker.topics.join(under_way, 0.0)
    assert under_way.ending is CloseReason.HISTORY_LOST
    worker.topics.leave(streams)
    worker.topics.remind(1000.0)
    worker.topics.remind(2000.0)
    assert NAME in worker.end.topics  # for the one that began anew


def test_a_snapshot_goes_on_in_the_stream_that_a_ping_has_opened(worker):
    """Its own opening is left out."""
    topic = TOPIC._replace(codec=Codec.SNAPPY)
    client = Client(1, topic.codec, Stage.WAITING)
    client.is_opened = True
    worker.topics.want_snapshot(client, topic, 1.0)
    ready = worker.snapshot(10)._replace(topic=topic.to_bytes())
    Path(ready.path).write_bytes(frames.opening(topic.codec) + b"state")
    worker.answered(ready)
    assert refilled(client) == ([b"state"], Refill.SNAPSHOT_SENT)


def test_a_topic_is_left_when_nobody_has_used_it_for_a_while(streaming):
    """Whatever its users were doing; one that comes in time goes on with what there is."""
    worker, client = streaming
    worker.topics.remind(1000.0)
    worker.topics.remind(2000.0)
    assert NAME in worker.end.topics
    worker.topics.leave(client)
    worker.topics.remind(3000.0)
    worker.topics.remind(3000.0 + IDLE_SECONDS)
    assert NAME in worker.end.topics
    again = worker.come(2)
    worker.topics.remind(4000.0)
    worker.topics.leave(again)
    worker.topics.remind(5000.0)
    assert NAME in worker.end.topics
    worker.topics.remind(5001.0 + IDLE_SECONDS)
    assert NAME not in worker.end.topics
    worker.asked()
    worker.come(3)
    assert NAME in worker.end.topics
    assert worker.asked() == [SnapshotWanted(NAME, FOR_ALL)]
