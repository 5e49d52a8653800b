"""The source, over real gRPC, against a small etcd in this process."""

import logging
import queue
import threading
from contextlib import contextmanager

import pytest

from tests.typha.datastore.etcd.small_etcd import serving
from typha.config.settings import DatastoreSettings, EtcdSettings
from typha.datastore import opening
from typha.datastore.etcd import client, kinds, source
from typha.datastore.etcd.endpoints import EndpointError
from typha.datastore.etcd.errors import EtcdError
from typha.datastore.ports import (
    Changed,
    ListDone,
    Listed,
    Removed,
    StreamReport,
    StreamState,
    Undecodable,
)

TIERS, POOLS = "tiers.projectcalico.org", "ippools.projectcalico.org"
TIER = f"{kinds.V3_PREFIX}tiers/".encode()
POOL = f"{kinds.V3_PREFIX}ippools/".encode()
PATIENCE_SECONDS = 90  # a loaded machine is slow


@pytest.fixture
def etcd():
    """Serve a small etcd."""
    with serving() as (small, url):
        small.url = url
        yield small


class Inbox:
    """Events in their order."""

    def __init__(self):
        """Begin empty."""
        self._events = queue.Queue()
        self.reports = []

    def put(self, event):
        """Take one event."""
        self._events.put(event)

    def until(self, found):
        """Return what comes, without reports, up to an event that is looked for."""
        heard = []
        while True:
            event = self._events.get(timeout=PATIENCE_SECONDS)
            if isinstance(event, StreamReport):
                self.reports.append(event)
            else:
                heard.append(event)
            if found(event):
                return heard

    def until_synced(self, *resources):
        """Return what comes until the resources were listed."""
        missing = set(resources)

        def is_last(event):
            if isinstance(event, ListDone):
                missing.discard(event.resource)
            return not missing

        return self.until(is_last)

    def until_state(self, state, resource=TIERS):
        """Wait for a report; return it."""
        self.until(
            lambda event: (
                isinstance(event, StreamReport)
                and (event.resource, event.state) == (resource, state)
            )
        )
        return self.reports[-1]


@contextmanager
def following(etcd, *resources, **settings):
    """Follow some resources."""
    configured = EtcdSettings(endpoints=(etcd.url,), **settings)
    datastore = DatastoreSettings(type="etcdv3", etcd=configured)
    opened = opening.open_source(datastore, resources)
    inbox = Inbox()
    opened.start(inbox)
    try:
        yield inbox
    finally:
        opened.stop()


def names(events):
    """Return the names of what was listed or changed."""
    listed = [item for each in events if isinstance(each, Listed) for item in each.objects]
    changed = [each.object for each in events if isinstance(each, Changed)]
    return [item["metadata"]["name"] for item in (*listed, *changed)]


def test_a_list_comes_page_by_page_and_ends(etcd, monkeypatch):
    """The first page marks, the end sweeps."""
    monkeypatch.setattr(source, "PAGE_KEYS", 2)
    for number in range(5):
        etcd.put(POOL + b"%d" % number, b"{}")
    with following(etcd, POOLS) as inbox:
        heard = inbox.until_synced(POOLS)
    assert [(len(page.objects), page.first) for page in heard[:-1]] == [
        (2, True),
        (2, False),
        (1, False),
    ]
    assert heard[-1] == ListDone(POOLS)


def test_an_empty_kind_is_listed_too(etcd):
    """Its syncers wait for it."""
    with following(etcd, POOLS) as inbox:
        assert inbox.until_synced(POOLS) == [Listed(POOLS, [], first=True), ListDone(POOLS)]


def test_what_changes_is_told_in_order(etcd):
    """Also what is no JSON, and what is deleted."""
    with following(etcd, TIERS) as inbox:
        inbox.until_synced(TIERS)
        etcd.put(TIER + b"a", b'{"spec": 1}')
        etcd.put(TIER + b"b", b"garbage")
        etcd.put(TIER + b"a", None)
        created, garbage, removed = inbox.until(lambda event: isinstance(event, Removed))
    assert created.object["etcd"] == {"spec": 1}
    assert isinstance(garbage, Undecodable)
    assert (removed.name, garbage.name) == ("a", "b")


def test_fragments_are_put_together(etcd):
    """Each is told as it comes."""
    etcd.in_fragments = True
    with following(etcd, TIERS) as inbox:
        inbox.until_synced(TIERS)
        with etcd.changed:
            for name in (b"a", b"b", b"c"):
                etcd.put(TIER + name, b"{}")
        heard = inbox.until(lambda event: isinstance(event, Changed) and names([event]) == ["c"])
    assert names(heard) == ["a", "b", "c"]


def test_a_stream_that_ends_is_opened_anew_where_it_was(etcd):
    """What happened in between is told, and nothing is listed again."""
    with following(etcd, TIERS) as inbox:
        inbox.until_synced(TIERS)
        etcd.put(TIER + b"a", b"{}")
        inbox.until(lambda event: isinstance(event, Changed))
        etcd.end_streams()
        etcd.put(TIER + b"b", b"{}")
        heard = inbox.until(lambda event: isinstance(event, Changed))
        assert names(heard) == ["b"]
        etcd.put(TIER + b"c", b"{}")
        inbox.until(lambda event: names([event]) == ["c"])
        assert {report.relists for report in inbox.reports} == {0}


def test_what_is_compacted_meanwhile_is_listed_again(etcd):
    """As a whole: what went while nobody heard it must go."""
    etcd.put(POOL + b"goes", b"{}")
    with following(etcd, TIERS, POOLS) as inbox:
        inbox.until_synced(TIERS, POOLS)
        etcd.wait_until_watched(2)
        with etcd.changed:
            etcd.end_streams()
            etcd.put(POOL + b"goes", None)
            etcd.put(POOL + b"comes", b"{}")
            etcd.compact()
        heard = inbox.until_synced(TIERS, POOLS)
        assert "comes" in names(heard)
        assert "goes" not in names(heard)
        assert inbox.until_state(StreamState.WATCHING, POOLS).relists == 1


def test_another_cluster_behind_the_same_address_is_listed_again(etcd):
    """Its revisions mean something else."""
    with following(etcd, POOLS) as inbox:
        inbox.until_synced(POOLS)
        etcd.wait_until_watched(1)
        with etcd.changed:
            etcd.cluster += 1
            etcd.values.clear()
            etcd.values[POOL + b"other"] = (b"{}", 1)
        etcd.end_streams()
        assert names(inbox.until_synced(POOLS)) == ["other"]


def test_an_expired_token_is_replaced(etcd):
    """On the next stream, and for the next request."""
    etcd.password = "secret"
    with following(etcd, TIERS, username="typha", password="secret") as inbox:
        inbox.until_synced(TIERS)
        etcd.wait_until_watched(1)
        etcd.tokens.clear()
        etcd.end_streams()
        etcd.put(TIER + b"a", b"{}")
        assert names(inbox.until(lambda event: isinstance(event, Changed))) == ["a"]
        assert etcd.granted > 1


def test_a_user_where_none_is_asked_for_does_no_harm(etcd):
    """Authentication may be turned on later."""
    with following(etcd, TIERS, username="typha", password="secret") as inbox:
        inbox.until_synced(TIERS)


def test_a_wrong_password_is_forbidden_not_away(etcd):
    """The report says what the server said."""
    etcd.password = "secret"
    with following(etcd, TIERS, username="typha", password="wrong") as inbox:
        report = inbox.until_state(StreamState.FORBIDDEN)
    assert "invalid user ID or password" in report.error


def test_that_nobody_serves_us_is_told_once_and_that_somebody_does(etcd, caplog):
    """Not at each of many attempts."""
    caplog.set_level(logging.INFO, source.__name__)
    etcd.password = "right"
    with following(etcd, TIERS, username="calico", password="wrong") as inbox:
        inbox.until_state(StreamState.FORBIDDEN)
        etcd.password = "wrong"
        inbox.until_synced(TIERS)
    told = [one.message for one in caplog.records if "serve" in one.message]
    assert told == ["etcd does not serve us", "etcd serves us again"]
    caplog.clear()
    follower = source._Follower((), Inbox(), threading.Event())
    for text in ("one", "one", "two", "one"):
        follower.tell_failure(EtcdError(text))
    assert [one.error for one in caplog.records] == ["one", "two"]


def test_what_may_not_be_read_holds_nothing_else_back(etcd, monkeypatch):
    """And it is asked for again."""
    monkeypatch.setattr(source, "DENIED_SECONDS", 0.1)
    monkeypatch.setattr(client, "PROBE_SECONDS", 0.1)  # any sign of life is an occasion
    etcd.forbidden = POOL
    with following(etcd, POOLS, TIERS) as inbox:
        inbox.until_state(StreamState.FORBIDDEN, POOLS)
        inbox.until_synced(TIERS)
        etcd.wait_until_watched(1)
        etcd.forbidden = b"\xff"
        inbox.until_synced(POOLS)


@pytest.mark.parametrize("fresh_seconds", [0.0, 60.0])
def test_a_refused_watch_is_tried_again(etcd, monkeypatch, fresh_seconds):
    """At once on another stream if this one is old; if it is fresh, after a while."""
    monkeypatch.setattr(source, "FRESH_SECONDS", fresh_seconds)
    monkeypatch.setattr(source, "DENIED_SECONDS", 0.1)
    etcd.refuses_watches = True
    with following(etcd, TIERS, POOLS) as inbox:
        inbox.until_synced(TIERS, POOLS)
        etcd.wait_until_watched(2)
        if fresh_seconds:
            assert inbox.until_state(StreamState.FORBIDDEN).error == "no"
        etcd.refuses_watches = False
        etcd.end_streams()
        etcd.put(TIER + b"a", b"{}")
        assert names(inbox.until(lambda event: isinstance(event, Changed))) == ["a"]


def test_an_endpoint_that_is_none_is_refused_before_anything_starts():
    """By its text."""
    datastore = DatastoreSettings(etcd=EtcdSettings(endpoints=("etcd:2379",)))
    with pytest.raises(EndpointError, match="etcd:2379"):
        source.open_source(datastore, [TIERS])


def test_stopping_ends_a_source_that_has_never_reached_anybody(etcd):
    """It waits for nothing."""
    etcd.url = "http://127.0.0.1:1"
    with following(etcd, TIERS) as inbox:
        report = inbox.until_state(StreamState.FAILING)
    assert "127.0.0.1:1" in report.error
