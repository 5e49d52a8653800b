"""Which keys are new, altered or gone."""

from collections import defaultdict

from hypothesis import given, strategies as st

from typha.model.resources import KV
from typha.syncers.tracker import ContestedTracker, Tracker
from typha.syncproto.messages import UpdateType

NEW, UPDATED, DELETED = UpdateType.NEW, UpdateType.UPDATED, UpdateType.DELETED


def kv(key, revision="1"):
    """Make a key with some value."""
    return KV(key, b"v", revision)


def told(outcomes):
    """Show outcomes as (key, type)."""
    return [(outcome.key, outcome.update_type) for outcome in outcomes]


def test_what_an_update_is_called_depends_on_what_was_sent():
    """Not on what the datastore called the event."""
    tracker = Tracker()
    assert told(tracker.take("/o", [kv("/a")])) == [("/a", NEW)]
    assert told(tracker.take("/o", [kv("/a"), kv("/b")])) == [("/a", UPDATED), ("/b", NEW)]
    assert told(tracker.take("/o", [kv("/b")])) == [("/b", UPDATED), ("/a", DELETED)]
    assert told(tracker.take("/o", [])) == [("/b", DELETED)]
    assert told(tracker.take("/o", [])) == []


def test_a_complete_list_sweeps_what_it_does_not_hold():
    """Mark and sweep; what is still as it was counts as seen."""
    for tracker in (Tracker(), ContestedTracker()):
        for name in "abc":
            tracker.take(f"/{name}", [kv(f"/{name}")])
        tracker.begin()
        tracker.take("/a", [kv("/a", "2")])
        tracker.see("/b")
        assert told(tracker.finish()) == [("/c", DELETED)]
        assert told(tracker.take("/c", [kv("/c")])) == [("/c", NEW)]


def test_of_several_claims_the_first_name_has_the_key():
    """When it goes, the next one's own value is told as an update."""
    tracker = ContestedTracker()
    assert told(tracker.take("/pool1", [kv("/k", "1")])) == [("/k", NEW)]
    assert told(tracker.take("/pool0", [kv("/k", "2")])) == [("/k", UPDATED)]
    assert told(tracker.take("/pool2", [kv("/k", "3")])) == []
    assert told(tracker.take("/pool1", [kv("/k", "4")])) == []
    assert told(tracker.take("/pool3", [kv("/k", "5")])) == []
    assert told(tracker.take("/pool3", [])) == []
    (promoted,) = tracker.take("/pool0", [])
    assert (promoted.kv.revision, promoted.update_type) == ("4", UPDATED)
    assert told(tracker.take("/pool1", [kv("/other")])) == [("/k", UPDATED), ("/other", NEW)]
    assert told(tracker.take("/pool2", [])) == [("/k", DELETED)]


events = st.lists(
    st.tuples(
        st.sampled_from(["/a", "/b", "/c"]),
        st.lists(st.sampled_from(["/k", "/l"]), max_size=1),
        st.integers(0, 9).map(str),
    ),
    max_size=30,
)


@given(events)
def test_contested_keys_always_hold_the_first_claim(story):
    """A client that follows ends with what a fresh look at all claims gives."""
    tracker = ContestedTracker()
    client: dict[str, str] = {}
    claims: dict[str, tuple[str, str]] = {}
    for identity, keys, revision in story:
        for outcome in tracker.take(identity, [kv(key, revision) for key in keys]):
            known = outcome.key in client
            assert outcome.update_type == (
                DELETED if outcome.kv is None else UPDATED if known else NEW
            )
            if outcome.kv is None:
                del client[outcome.key]
            else:
                client[outcome.key] = outcome.kv.revision
        claims.pop(identity, None)
        if keys:
            claims[identity] = (keys[0], revision)
    by_key = defaultdict(list)
    for identity, (key, revision) in claims.items():
        by_key[key].append((identity, revision))
    assert client == {key: min(claimants)[1] for key, claimants in by_key.items()}
