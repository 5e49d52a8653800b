"""The store: what clients are told, and what they still have to be told."""

import pytest
from hypothesis import given, strategies as st

from typha.journal import store
from typha.journal.store import Backlog, HistoryLostError, Store
from typha.syncproto import schema
from typha.syncproto.messages import UpdateType

KEYS = st.sampled_from([f"/calico/v1/config/{letter}" for letter in "abcde"])
VALUES = st.sampled_from([b"", b"1", b"2", b"22"])


def given_key(key, value, update_type=UpdateType.NEW, revision="7"):
    """Make a change that gives a key a value."""
    return store.present((key, value, revision, ""), update_type)


def gone(key):
    """Make a change that deletes a key."""
    return store.absent(key, UpdateType.DELETED)


changes = st.lists(
    st.one_of(
        st.builds(given_key, KEYS, VALUES, st.sampled_from([UpdateType.NEW, UpdateType.UPDATED])),
        st.builds(gone, KEYS),
    ),
    max_size=40,
)


def replayed(state, elements):
    """Apply elements to a client's state, as Felix would."""
    for scanned in (s for element in elements for s in schema.scan(element)):
        if scanned.has_value:
            state[scanned.key] = scanned.element[:-2]  # whatever the update type
        else:
            state.pop(scanned.key, None)
    return state


def test_an_update_of_equal_value_reaches_nobody():
    """Revisions alone are no news."""
    kept = Store()
    kept.apply(given_key("/a", b"v"))
    assert kept.apply(given_key("/a", b"v", UpdateType.UPDATED, "8")) is None
    assert kept.sequence == 1


def test_an_update_to_the_empty_value_is_news():
    """An empty value shares its beginning with no other."""
    kept = Store()
    kept.apply(given_key("/a", b"v"))
    assert kept.apply(given_key("/a", b"", UpdateType.UPDATED)) is not None
    assert kept.apply(given_key("/a", b"", UpdateType.UPDATED)) is None
    assert kept.apply(given_key("/a", b"v", UpdateType.UPDATED)) is not None


def test_the_same_value_as_new_is_passed_on():
    """Only what is called an update can be superfluous, as in the original."""
    kept = Store()
    kept.apply(given_key("/a", b"v"))
    assert kept.apply(given_key("/a", b"v", UpdateType.NEW)) is not None


def test_a_deletion_of_an_unknown_key_is_passed_on():
    """The original never swallows one."""
    assert Store().apply(gone("/a")) is not None


def test_a_snapshot_calls_everything_new_and_sorts_by_key():
    """Whatever the deltas were called."""
    kept = Store()
    kept.apply(given_key("/b", b"1"))
    delta = kept.apply(given_key("/a", b"2", UpdateType.UPDATED))
    assert delta is not None
    assert delta[-2] == UpdateType.UPDATED
    snapshot = list(kept.snapshot())
    assert [key for key, _ in snapshot] == ["/a", "/b"]
    assert all(element[-2] == UpdateType.NEW for _, element in snapshot)


@given(changes, st.integers(0, 40))
def test_since_brings_anybody_to_the_present(history, stop):
    """A client that has seen all up to n has the same state after `since(n)` as the store."""
    kept = Store()
    client: dict[str, bytes] = {}
    seen = 0
    for number, change in enumerate(history):
        delta = kept.apply(change)
        if number < stop and delta is not None:
            replayed(client, [delta])
            seen = kept.sequence
    missing = kept.since(seen)
    assert len({key for _, key, _ in missing}) == len(missing)
    assert sorted(missing) == missing
    replayed(client, [element for _, _, element in missing])
    assert client == replayed({}, [element for _, element in kept.snapshot()])


@given(changes, changes, st.integers(1, 3))
def test_a_backlog_in_pieces_ends_in_the_same_state(history, meanwhile, most):
    """Each piece says how far it leads; what changed meanwhile is in the next backlog."""
    kept = Store()
    for change in history:
        kept.apply(change)
    backlog = Backlog(kept, 0)
    client: dict[str, bytes] = {}
    at = 0
    while at < kept.sequence:
        if not backlog.covers(at):
            backlog = Backlog(kept, at)
        piece, last = backlog.piece(at, most)
        assert len(piece) <= most
        assert last > at
        replayed(client, [element for _, _, element in piece])
        at = last
        if meanwhile:
            kept.apply(meanwhile.pop())
    assert client == replayed({}, [element for _, element in kept.snapshot()])


def test_what_came_back_is_told_once():
    """Its deletion is history that nobody has to be told."""
    kept = Store()
    for change in (given_key("/a", b"1"), gone("/a"), given_key("/a", b"2")):
        kept.apply(change)
    assert [(sequence, key) for sequence, key, _ in kept.since(0)] == [(3, "/a")]


def test_a_deletion_that_is_repeated_is_the_newest_change():
    """Who catches up is told what those were told who followed, whatever was deleted since."""
    kept = Store()
    for key in ("/a", "/b", "/a"):
        kept.apply(gone(key))
    assert [(sequence, key) for sequence, key, _ in kept.since(1)] == [(2, "/b"), (3, "/a")]
    assert [(sequence, key) for sequence, key, _ in kept.since(2)] == [(3, "/a")]


@given(st.integers(1, 40))
def test_whoever_begins_in_between_soon_shares_the_others_pieces(most):
    """After one piece at most."""
    kept = Store()
    for number in range(30):
        kept.apply(given_key(f"/{number}", b"1"))
    backlog = Backlog(kept, 0)
    ends = {backlog.piece(at, most)[1] for at in range(30)}
    assert ends == {*range(most, 30, most), 30}


def test_forgotten_deletions_are_owned_up_to(monkeypatch):
    """Beyond the horizon only a snapshot helps."""
    monkeypatch.setattr(store, "MINIMUM_TOMBSTONES", 2)
    kept = Store()
    for letter in "abcd":
        kept.apply(given_key(f"/{letter}", b"1"))
    for letter in "abcd":
        kept.apply(gone(f"/{letter}"))
    assert kept.horizon == 6
    assert len(kept.since(6)) == 2
    with pytest.raises(HistoryLostError):
        kept.since(5)
