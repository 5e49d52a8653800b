"""Pings, and the ends of those who are too late, on a clock of the test's own."""

import dataclasses

import pytest

from tests.workers.clients import ROOMY, Client
from typha.config.settings import ServerSettings
from typha.syncproto import frames, schema, snappy
from typha.syncproto.messages import Codec, SyncerType
from typha.telemetry.closing import CloseReason
from workers.connection import Deadline, Stage
from workers.patience import STALLED_SECONDS
from workers.rounds import Rounds

SETTINGS = ServerSettings(ping_interval=10.0, pong_timeout=60.0, write_timeout=120.0)


@pytest.fixture
def rounds():
    """Begin at 0."""
    return Rounds(SETTINGS, 0.0)


def turned(rounds, until, begin=0.0, step=0.25):
    """Let time pass; give the moments at which each client was concerned."""
    moments = {}
    now = begin
    while now < until:
        now += step
        for client in rounds.turn(now, int(now * 1e9)):
            moments.setdefault(client.number, []).append(now)
    return moments


def test_pings_come_an_interval_apart_or_up_to_a_tenth_more(rounds):
    """The first one a full interval after streaming began, as in the original."""
    clients = [Client(number) for number in range(50)]
    for client in clients:
        rounds.start(client, 0.0)
        client.last_pong = 1e9  # it always answers
    assert turned(rounds, 100.0) == {}  # nobody has anything left to be written
    quarters = [turn * 0.25 for turn in range(401)]
    moments = {snappy.compress(schema.ping(int(now * 1e9))): now for now in quarters}
    for client in clients:
        visits = [moments[ping] for ping in client.sent]
        gaps = [b - a for a, b in zip([0.0, *visits], visits, strict=False)]
        assert all(9.9 <= gap <= 11.6 for gap in gaps)
        assert len(visits) >= 8


def test_a_ping_waits_for_what_came_before(rounds):
    """It is said that there is something to write, and the ping is behind the rest."""
    client = Client()
    client._control = [b"before"]
    rounds.start(client, 0.0)
    client.last_pong = 1e9
    assert len(turned(rounds, 12.0)[1]) == 1
    assert len(client.sent) == 1


@pytest.mark.parametrize("busy", [{"unsent": b"rest"}, {"state": Stage.SNAPSHOT}])
def test_who_has_yet_to_take_something_is_tried_again(rounds, busy):
    """At each tick that is its own, whatever a poll says."""
    client = Client()
    rounds.start(client, 0.0)
    client.last_pong = 1e9
    for name, value in busy.items():
        setattr(client, name, value)
    assert len(turned(rounds, 24.0)[1]) == 2
    assert client.sent == []


def test_a_ping_does_not_hide_that_a_socket_takes_no_more(rounds):
    """It goes the way of everything else, which finds that out."""
    client = Client()
    rounds.start(client, 0.0)
    client.last_pong = 1e9
    client.is_watching_writes = True
    assert len(turned(rounds, 12.0)[1]) == 1


@pytest.mark.parametrize("codec", Codec)
def test_a_ping_is_in_the_client_s_codec(rounds, codec):
    """Compressed once for everybody who is due."""
    client = Client(codec=codec)
    rounds.start(client, 0.0)
    client.last_pong = 1e9
    turned(rounds, 12.0)
    pings = [schema.ping(int(quarter * 0.25e9)) for quarter in range(60)]
    if codec is Codec.SNAPPY:
        pings = [snappy.compress(ping) for ping in pings]
    assert len(client.sent) == 1
    assert client.sent[0] in pings


def test_a_round_trip_is_measured_by_a_clock_that_nobody_sets(rounds):
    """What pings say of the time of day only tells them apart; the last thousand are known."""
    assert rounds.turn(0.5, 7_000) == []
    assert rounds.turn(1.0, 3_000) == []  # the clock was set back
    assert rounds.round_trip(7_000, 1.25) == 0.75
    assert rounds.round_trip(3_000, 1.25) == 0.25
    assert rounds.round_trip(5_000, 1.25) is None
    for tick in range(1000):
        rounds.turn(1.5 + tick / 2, 10_000 + tick)
    assert rounds.round_trip(3_000, 501.0) is None
    assert rounds.round_trip(10_000, 501.0) == 499.5


def test_who_waits_for_a_snapshot_is_pinged_in_a_stream_that_is_opened_first(rounds):
    """Once: what follows goes on in it, the snapshot too."""
    client = Client(state=Stage.WAITING)
    rounds.start(client, 0.0)
    client.last_pong = 1e9
    turned(rounds, 24.0)
    assert client.sent[0] == frames.opening(Codec.SNAPPY)
    assert len(client.sent) == 3
    assert client.is_opened


def test_nobody_is_pinged_in_the_middle_of_a_snapshot(rounds):
    """Its bytes are one piece; who takes them is there."""
    client = Client(state=Stage.SNAPSHOT)
    rounds.start(client, 0.0)
    turned(rounds, 300.0)
    assert client.sent == []
    assert client.ending is None


def test_who_does_not_answer_is_cut_after_the_pong_timeout(rounds):
    """The clock starts when streaming does."""
    client = Client()
    rounds.start(client, 0.0)
    turned(rounds, 59.0)
    assert client.ending is None
    turned(rounds, 72.0, 59.0)
    assert client.ending is CloseReason.PONG_TIMEOUT


def test_silence_is_noticed_between_pings_too():
    """Where it has lasted too long soon after a ping, the next one is not waited for."""
    rounds = Rounds(dataclasses.replace(SETTINGS, pong_timeout=12.0), 0.0)
    clients = [Client(number) for number in range(50)]
    for client in clients:
        rounds.start(client, 0.0)
    turned(rounds, 11.5)
    assert {client.ending for client in clients} == {None}
    turned(rounds, 18.0, 11.5)
    assert {client.ending for client in clients} == {CloseReason.PONG_TIMEOUT}


def test_time_counts_from_when_a_client_has_to_do_something(rounds):
    """However long ago it took anything before."""
    finishing, blocked = Client(1, state=Stage.SNAPSHOT), Client(2, state=Stage.SNAPSHOT)
    finishing.peer = blocked.peer = ROOMY
    turned(rounds, 1000.0)
    rounds.finish(finishing, 1000.0)
    rounds.wait_for(blocked, 1000.0)
    turned(rounds, 1059.0, 1000.0)
    assert finishing.ending is blocked.ending is None


def test_who_has_made_room_has_time_to_answer(rounds):
    """A ping may have been among what it had to read."""
    client = Client()
    rounds.start(client, 0.0)
    client.peer = ROOMY
    client.unsent = b"waiting"
    rounds.wait_for(client, 0.0)
    turned(rounds, 50.0)
    client.unsent = None
    rounds.got_through(client, 50.0)
    turned(rounds, 109.0, 50.0)
    assert client.ending is None
    turned(rounds, 122.0, 109.0)
    assert client.ending is CloseReason.PONG_TIMEOUT


def test_only_who_holds_a_place_for_its_snapshot_is_called_stalled(rounds):
    """Others take nobody's turn away."""
    client = Client()
    client.unsent = b"waiting"
    rounds.start(client, 0.0)
    rounds.wait_for(client, 0.0)
    turned(rounds, 50.0)
    assert rounds.take_stalled() == []


def test_who_takes_anything_is_not_cut(rounds):
    """Its pong comes behind all it has yet to read."""
    client = Client()
    rounds.start(client, 0.0)
    client.unsent = b"waiting"
    rounds.wait_for(client, 0.0)
    for now in range(0, 1000, 10):
        client.shows(acknowledged=now)
        turned(rounds, now + 10.0, float(now))
    assert client.ending is None
    assert client.sent == []


def test_who_is_gone_is_cut_after_the_pong_timeout(rounds):
    """Nobody answers what our kernel sends time and again."""
    client = Client()
    rounds.start(client, 0.0)
    client.unsent = b"waiting"
    rounds.wait_for(client, 0.0)
    client.shows(window=0, unanswered=6)
    turned(rounds, 59.0)
    assert client.ending is None
    turned(rounds, 72.0, 59.0)
    assert client.ending is CloseReason.PONG_TIMEOUT


def test_who_stands_still_in_its_snapshot_makes_room_and_is_cut_in_the_end(rounds):
    """Others have their turn long before it is given up."""
    client = Client(state=Stage.SNAPSHOT)
    rounds.wait_for(client, 0.0)
    turned(rounds, STALLED_SECONDS)
    assert rounds.take_stalled() == []
    turned(rounds, STALLED_SECONDS + 2.0, STALLED_SECONDS)
    assert client in rounds.take_stalled()
    turned(rounds, 119.0, STALLED_SECONDS + 2.0)
    assert client.ending is None
    turned(rounds, 122.0, 119.0)
    assert client.ending is CloseReason.WRITE_TIMEOUT


def test_the_end_of_a_snapshot_is_waited_for_while_it_arrives(rounds):
    """It may have a long way to go after its last byte has left."""
    client = Client(state=Stage.SNAPSHOT)
    rounds.finish(client, 0.0)
    for now in range(0, 300, 10):
        client.shows(acknowledged=now)
        turned(rounds, now + 10.0, float(now))
    assert client.ending is None
    turned(rounds, 365.0, 300.0)
    assert client.ending is CloseReason.ACK_TIMEOUT


def test_deadlines_hold_before_the_snapshot_only(rounds):
    """The hello, and the first acknowledgement."""
    late, good = Client(1), Client(2)
    for client in (late, good):
        client.deadline = Deadline(0.0, 10.0, CloseReason.HANDSHAKE_TIMEOUT)
        rounds.young[client.number] = client
    rounds.start(good, 5.0)
    turned(rounds, 11.0)
    assert late.ending is CloseReason.HANDSHAKE_TIMEOUT
    assert good.ending is None


def late_ones(rounds):
    """Make one client for each way to be waited for, none of them late yet at 0."""
    silent, gone, loading, finishing, young = (Client(number) for number in range(1, 6))
    for client in (silent, gone, loading, finishing):
        rounds.start(client, 0.0)
    gone.unsent = b"waiting"
    gone.shows(unanswered=9)
    rounds.wait_for(gone, 0.0)
    loading.state = finishing.state = Stage.SNAPSHOT
    rounds.wait_for(loading, 0.0)
    rounds.finish(finishing, 0.0)
    young.state = Stage.HELLO
    young.deadline = Deadline(0.0, 60.0, CloseReason.HANDSHAKE_TIMEOUT)
    rounds.young[young.number] = young
    return {
        silent: CloseReason.PONG_TIMEOUT,
        gone: CloseReason.PONG_TIMEOUT,
        loading: CloseReason.WRITE_TIMEOUT,
        finishing: CloseReason.ACK_TIMEOUT,
        young: CloseReason.HANDSHAKE_TIMEOUT,
    }


def test_only_the_time_in_which_this_process_ran_counts(rounds):
    """It was stopped, or its machine: what they sent meanwhile lies there still unread."""
    reasons = late_ones(rounds)
    turned(rounds, 55.0)
    assert all(client.ending is None for client in reasons)
    turned(rounds, 3600.0, 3600.0 - 0.25)  # the first turn after it
    turned(rounds, 3603.0, 3600.0)
    assert all(client.ending is None for client in reasons)
    turned(rounds, 3680.0, 3603.0)
    assert {client: client.ending for client in reasons} == reasons


def test_a_pause_gives_nobody_more_time_than_at_first(rounds):
    """Who came, or answered, in the very turn in which it was noticed."""
    reasons = late_ones(rounds)
    for client in reasons:
        client.last_pong = client.last_progress = client.streaming_since = 3600.0
        if client.deadline:
            client.deadline = client.deadline._replace(since=3600.0)
    turned(rounds, 3600.0, 3600.0 - 0.25)
    turned(rounds, 3725.0, 3600.0)
    assert {client: client.ending for client in reasons} == reasons


def test_many_pauses_do_not_keep_a_client_that_is_gone(rounds):
    """What ran before a pause and what ran after it are added up."""
    silent = Client()
    rounds.start(silent, 0.0)
    for began in range(0, 1000, 100):  # of each hundred seconds the first ten
        turned(rounds, began + 10.0, float(began))
    assert silent.ending is CloseReason.PONG_TIMEOUT


def test_grace_is_counted_once_for_each_time_it_is_needed(rounds):
    """As the original's metric has it."""
    client = Client()
    rounds.start(client, 0.0)
    client.replica.log.born_at = lambda _position: 1.0  # what it has to be sent came then
    client.unsent = b"waiting"
    client.streaming_since = 200.0
    rounds.wait_for(client, 200.0)
    for now in range(200, 400, 10):
        client.shows(acknowledged=now)
        turned(rounds, now + 10.0, float(now))
    assert rounds.grace_used[SyncerType.FELIX] == 1
    assert client.is_in_grace
    other = Client(2)
    rounds.wait_for(other, 400.0)
    turned(rounds, 410.0, 400.0)
    assert not other.is_in_grace  # there is nothing it would be behind of
    rounds.got_through(client, 400.0)
    assert not client.is_in_grace


@pytest.mark.parametrize("late", ["pong", "deadline", "finishing", "blocked"])
def test_who_is_forgotten_is_left_alone(rounds, late):
    """Closed for another reason, whatever it was late with."""
    client = Client()
    rounds.start(client, 0.0)
    if late == "deadline":
        client.deadline = Deadline(0.0, 10.0, CloseReason.HANDSHAKE_TIMEOUT)
        rounds.young[client.number] = client
    elif late == "finishing":
        rounds.finish(client, 0.0)
    elif late == "blocked":
        rounds.wait_for(client, 0.0)
    rounds.forget(client)
    assert turned(rounds, 1000.0) == {}
    assert client.ending is None
