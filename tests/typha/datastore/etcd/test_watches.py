"""From where each watch goes on, whatever happens to streams and servers."""

import pytest
from hypothesis import given, settings, strategies as st

from tests.typha.datastore.etcd import responses
from typha.datastore import ports
from typha.datastore.etcd import codec, kinds, protobuf
from typha.datastore.etcd.watches import Compacted, Heard, Refused, Watches

TIERS = kinds.KINDS["tiers.projectcalico.org"]
POOLS = kinds.KINDS["ippools.projectcalico.org"]


def header(revision=0, cluster=1, term=1):
    """Return who answers."""
    return codec.Header(cluster, revision, term)


def answer(watch_id=0, *changes, **said):
    """Return a message of a stream."""
    at = header(said.pop("revision", 0))
    return responses.watch(at, watch_id=watch_id, changes=list(changes), **said)


def put(kind, name, revision):
    """Return a change of one key."""
    entry = codec.Entry(f"{kind.prefix}{name}".encode(), b"{}", revision)
    return codec.Change(deleted=False, entry=entry)


def start_of(request):
    """Return the prefix and the revision that a request asks from."""
    create = protobuf.parse(protobuf.parse(request).bodies[1])
    return create.bodies[1].decode(), create.numbers[3]


def open_with(*listed):
    """Return watches of kinds listed at revision 10, all granted on a stream."""
    watches = Watches()
    for kind in listed:
        watches.listed(kind, 10)
    for number, _ in enumerate(watches.reopen()):
        watches.take(answer(number, created=True))
    return watches


def test_a_kind_is_watched_from_the_revision_after_its_list():
    """Nothing is missed and nothing comes twice."""
    watches = Watches()
    assert not watches.is_listed(TIERS)
    watches.listed(TIERS, 10)
    watches.listed(POOLS, 12)
    assert [start_of(request) for request in watches.reopen()] == [
        (TIERS.prefix, 11),
        (POOLS.prefix, 13),
    ]


def test_a_message_belongs_to_the_kind_whose_request_was_answered():
    """Answers come in the order of the requests; the ids are the server's."""
    watches = Watches()
    watches.listed(TIERS, 10)
    watches.listed(POOLS, 10)
    list(watches.reopen())
    assert watches.take(answer(7, created=True)) == Heard([TIERS], [])
    assert watches.take(answer(3, created=True)) == Heard([POOLS], [])
    heard = watches.take(answer(3, put(POOLS, "p", 11)))
    assert heard.alive == [POOLS]
    assert [event.object["metadata"]["name"] for event in heard.events] == ["p"]
    heard = watches.take(answer(7, put(TIERS, "t", 12)))
    assert heard.alive == [TIERS]


def test_a_new_stream_goes_on_after_the_last_event():
    """Kind by kind."""
    watches = open_with(TIERS, POOLS)
    watches.take(answer(1, put(POOLS, "p", 20), put(POOLS, "q", 25)))
    assert [start_of(request)[1] for request in watches.reopen()] == [11, 26]
    assert watches.revision(POOLS) == 25


def test_within_a_fragment_a_revision_is_not_done():
    """The rest of it may be in the next fragment, which may never come."""
    watches = open_with(TIERS)
    watches.take(answer(0, put(TIERS, "a", 20), fragment=True))
    assert [start_of(request)[1] for request in watches.reopen()] == [20]


def test_progress_of_one_watch_moves_it_on():
    """So that an idle kind is not compacted away; the server sends it only when all is told."""
    watches = open_with(TIERS, POOLS)
    assert watches.take(answer(0, revision=90)) == Heard([TIERS], [])
    assert [start_of(request)[1] for request in watches.reopen()] == [91, 11]


def test_an_answer_for_all_watches_proves_life_and_nothing_more():
    """Some releases send it before the events that it speaks of."""
    watches = open_with(TIERS, POOLS)
    heard = watches.take(answer(codec.PROGRESS_WATCH_ID, revision=90))
    assert heard == Heard([TIERS, POOLS], [])
    assert [start_of(request)[1] for request in watches.reopen()] == [11, 11]


@pytest.mark.parametrize("created", [True, False])
def test_what_is_compacted_is_listed_again(created):
    """Whether the server says so at once or a message later."""
    watches = open_with(TIERS, POOLS)
    requests = list(watches.reopen())
    assert len(requests) == 2
    if not created:
        watches.take(answer(0, created=True))
    end = answer(0, created=created, canceled=True, compact_revision=50)
    assert watches.take(end) == Compacted(TIERS)
    assert not watches.is_listed(TIERS)
    assert watches.take(answer(1, created=True)) == Heard([POOLS], [])
    watches.listed(TIERS, 60)
    assert start_of(watches.request(TIERS)) == (TIERS.prefix, 61)
    assert watches.take(answer(2, created=True)) == Heard([TIERS], [])


def test_a_refusal_is_told_with_its_reason_and_forgets_nothing():
    """Perhaps only the token was too old."""
    watches = open_with(TIERS)
    list(watches.reopen())
    refusal = answer(-1, created=True, canceled=True, cancel_reason="permission denied")
    assert watches.take(refusal) == Refused(TIERS, "permission denied")
    assert watches.is_listed(TIERS)
    taken_back = open_with(TIERS).take(answer(0, canceled=True))
    assert isinstance(taken_back, Refused)


def test_a_refusal_without_a_reason_is_told_as_what_it_is():
    """Nobody has to guess from an empty line."""
    watches = open_with(TIERS)
    assert watches.take(answer(0, canceled=True)) == Refused(TIERS, "the watch was canceled")


@pytest.mark.parametrize("compact_revision", [0, 50])
def test_after_its_end_a_watch_says_nothing_more(compact_revision):
    """What still comes under its number belongs to nobody; the others go on."""
    watches = open_with(TIERS, POOLS)
    watches.take(answer(0, canceled=True, compact_revision=compact_revision))
    assert watches.take(answer(0, put(TIERS, "a", 60))) is None
    assert watches.take(answer(codec.PROGRESS_WATCH_ID)) == Heard([POOLS], [])


def test_what_was_asked_on_an_old_stream_is_not_answered_on_a_new_one():
    """Else each answer would stand for the wrong request."""
    watches = Watches()
    watches.listed(TIERS, 10)
    list(watches.reopen())
    watches.meet(header(20))
    assert watches.meet(header(5))
    for kind in (POOLS, TIERS):
        watches.listed(kind, 10)
    list(watches.reopen())
    assert watches.take(answer(1, created=True)) == Heard([POOLS], [])
    assert watches.take(answer(2, created=True)) == Heard([TIERS], [])


def test_what_the_furthest_kind_has_seen_has_to_be_there_still():
    """A store that is behind it was restored; one that stands where it stood was not."""
    watches = Watches()
    assert watches.revision(TIERS) == 0
    watches.listed(TIERS, 10)
    watches.listed(POOLS, 20)
    assert (watches.revision(TIERS), watches.revision(POOLS)) == (10, 20)
    assert not watches.meet(header(20))
    assert watches.meet(header(19))
    assert not watches.is_listed(TIERS)


def test_what_was_on_an_old_stream_concerns_nobody():
    """Ids begin anew with each stream."""
    watches = open_with(TIERS)
    list(watches.reopen())
    assert watches.take(answer(0, put(TIERS, "t", 11))) is None
    assert watches.take(answer(5, created=True)) == Heard([TIERS], [])
    assert watches.take(answer(6, created=True)) is None


@pytest.mark.parametrize(
    ("now", "anew"),
    [
        (header(30, cluster=1, term=5), False),
        (header(30, cluster=1, term=6), False),
        (header(30, cluster=2, term=5), True),
        (header(30, cluster=1, term=4), True),
        (header(19, cluster=1, term=5), True),
    ],
)
def test_another_history_is_noticed(now, anew):
    """Another cluster, a term or a revision that went back: restored from a backup."""
    watches = Watches()
    assert not watches.meet(header(15, cluster=1, term=5))
    watches.listed(TIERS, 20)
    assert watches.meet(now) is anew
    assert watches.is_listed(TIERS) is not anew


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.booleans()),  # events in a message, stream ends after it
        max_size=20,
    )
)
def test_whenever_streams_end_no_event_is_missed(script):
    """A server that replays from the revision asked for tells every change at least once."""
    log = [put(TIERS, f"t{number}", 11 + number // 2) for number in range(40)]
    watches = open_with(TIERS)
    told, at = set(), 0
    for size, ends in [*script, (len(log), True), (len(log), False)]:
        part = log[at : at + size]
        at += len(part)
        rest_of_revision = (
            at < len(log)
            and bool(part)
            and log[at].entry.mod_revision == (part[-1].entry.mod_revision)
        )
        if part:
            heard = watches.take(answer(0, *part, fragment=rest_of_revision))
            told |= {event.object["metadata"]["name"] for event in heard.events}
        if ends:
            [request] = watches.reopen()
            revision = start_of(request)[1]
            at = next((n for n, c in enumerate(log) if c.entry.mod_revision >= revision), len(log))
            watches.take(answer(0, created=True))
    assert told == {f"t{number}" for number in range(40)}


def test_deletions_and_garbage_come_as_events_too():
    """In their order."""
    watches = open_with(TIERS)
    key = f"{TIERS.prefix}t".encode()
    changes = [
        codec.Change(deleted=False, entry=codec.Entry(key, b"{nope", 11)),
        codec.Change(deleted=True, entry=codec.Entry(key, b"", 12)),
    ]
    garbage, removed = watches.take(answer(0, *changes)).events
    assert isinstance(garbage, ports.Undecodable)
    assert removed == ports.Removed(TIERS.resource, "", "t")
