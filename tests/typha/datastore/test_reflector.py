"""The list+watch machine: what it asks, what it makes of each answer, and where it ends up.

One module, for all of it changes with one machine's rules, and nothing else does.
"""

import pytest
from hypothesis import given, settings, strategies as st

from tests.typha.datastore.recording import Recording
from typha.datastore import waits
from typha.datastore.answers import BROKEN_OFF, NO_ANSWER, BadItem, Failure, failure
from typha.datastore.ports import (
    ApiMissing,
    Changed,
    ListDone,
    Listed,
    Removed,
    StreamReport,
    StreamState,
    Undecodable,
)
from typha.datastore.questions import FetchPage, OpenWatch, Wait
from typha.datastore.reflector import Nature, Reflector

FROM_CACHE = {"limit": "500", "resourceVersion": "0", "resourceVersionMatch": "NotOlderThan"}


def machine(**nature) -> Reflector:
    """Make a reflector of pods that never shortens a wait."""
    return Reflector(Nature(resource="pods", **nature), 90.0, lambda: 0.0)


def watching(revision: str = "100", **nature) -> Reflector:
    """Make one that has listed and begun to watch at moment 0."""
    reflector = machine(**nature)
    assert isinstance(reflector.next_action(0.0), FetchPage)
    reflector.finish_page([pod("a")], revision, "", 0.0)
    assert isinstance(reflector.next_action(0.0), OpenWatch)
    reflector.watch_opened(0.0)
    return reflector


def pod(name: str, revision: str = "1") -> dict:
    """Write a pod."""
    return {"metadata": {"name": name, "namespace": "ns", "resourceVersion": revision}}


def event(kind: str, value: dict) -> dict:
    """Write a watch event."""
    return {"type": kind, "object": value}


def bookmark(revision: str) -> dict:
    """Write a bookmark."""
    return event("BOOKMARK", {"metadata": {"resourceVersion": revision}})


def error(code: int, **more) -> dict:
    """Write an error event."""
    return event("ERROR", {"kind": "Status", "code": code, "message": f"error {code}", **more})


def data(events: list) -> list:
    """Leave out the reports."""
    return [event for event in events if not isinstance(event, StreamReport)]


def wait_of(reflector: Reflector, now: float) -> float:
    """Give how long the machine wants to wait."""
    action = reflector.next_action(now)
    assert isinstance(action, Wait)
    return action.until - now


def test_the_first_list_takes_what_the_server_has_in_its_cache():
    """As the original asks."""
    assert machine().next_action(0.0) == FetchPage(FROM_CACHE)


def test_a_resource_that_is_not_paged_is_asked_for_without_a_limit():
    """As the original asks for live migrations."""
    query = {"resourceVersion": "0", "resourceVersionMatch": "NotOlderThan"}
    assert machine(paged=False).next_action(0.0) == FetchPage(query)


def test_pages_follow_at_once_and_only_the_last_completes_the_list():
    """A continued list names no revision."""
    reflector = machine()
    reflector.next_action(0.0)
    first = reflector.finish_page([pod("a")], "100", "next", 0.0)
    assert data(first) == [Listed("pods", [pod("a")], first=True)]
    assert reflector.next_action(0.0) == FetchPage({"limit": "500", "continue": "next"})
    last = reflector.finish_page([pod("b")], "100", "", 0.1)
    assert data(last) == [Listed("pods", [pod("b")], first=False), ListDone("pods")]
    action = reflector.next_action(0.1)
    assert isinstance(action, OpenWatch)
    assert action.query == {
        "allowWatchBookmarks": "true",
        "resourceVersion": "100",
        "timeoutSeconds": "300",
        "watch": "true",
    }


def test_a_page_that_is_followed_by_itself_is_trouble():
    """Asked for again and again, it would never end, and count as a list under way."""
    reflector = machine()
    reflector.next_action(0.0)
    reflector.finish_page([pod("a")], "100", "next", 0.0)
    reflector.next_action(0.0)
    (report,) = reflector.finish_page([pod("b")], "100", "next", 0.1)
    assert isinstance(report, StreamReport)
    assert (report.state, report.error) == ("failing", "a page is followed by itself")
    assert isinstance(reflector.next_action(0.2), Wait)
    assert reflector.next_action(10.0) == FetchPage(FROM_CACHE)


def test_revisions_that_are_no_numbers_of_64_bits_are_not_compared():
    """Python refuses to make a number of thousands of digits."""
    reflector = watching("100")
    reflector.take_event(bookmark("9" * 5000), 5.0)
    reflector.watch_ended(Failure(status=410, message="gone"), 6.0)
    reflector.next_action(10.0)
    assert data(reflector.finish_page([], "90", "", 10.0))[-1] == ListDone("pods")


def test_items_may_come_in_parts_of_a_page():
    """Only the first part of the first page says that all was unseen."""
    reflector = machine()
    reflector.next_action(0.0)
    assert data(reflector.take_items([pod("a")])) == [Listed("pods", [pod("a")], first=True)]
    assert data(reflector.finish_page([], "5", "", 0.0)) == [
        Listed("pods", [], first=False),
        ListDone("pods"),
    ]


def test_items_that_cannot_be_read_are_named_and_the_others_taken():
    """Also what has no name at all."""
    reflector = machine()
    reflector.next_action(0.0)
    items = [pod("a"), 5, {"metadata": {}}, pod("b")]
    assert data(reflector.take_items(items, [BadItem("ns", "deep", "too deep")])) == [
        Listed("pods", [pod("a"), pod("b")], first=True),
        Undecodable("pods", "ns", "deep", "too deep"),
        Undecodable("pods", "", "", "no name"),
        Undecodable("pods", "", "", "no name"),
    ]


def test_events_are_passed_on_and_move_the_revision():
    """A bookmark moves it alone."""
    reflector = watching()
    events, goes_on = reflector.take_event(event("ADDED", pod("b", "101")), 5.0)
    assert (data(events), goes_on) == ([Changed("pods", pod("b", "101"))], True)
    events, goes_on = reflector.take_event(event("MODIFIED", pod("b", "102")), 5.0)
    assert data(events) == [Changed("pods", pod("b", "102"))]
    events, goes_on = reflector.take_event(event("DELETED", pod("b", "103")), 5.0)
    assert data(events) == [Removed("pods", "ns", "b")]
    events, goes_on = reflector.take_event(bookmark("110"), 5.0)
    assert (data(events), goes_on, reflector.revision) == ([], True, "110")
    assert data(reflector.watch_ended(None, 400.0)) == []
    action = reflector.next_action(400.0)
    assert isinstance(action, OpenWatch)
    assert action.query["resourceVersion"] == "110"


@pytest.mark.parametrize("ending", ["http", "event"])
def test_an_expired_revision_is_listed_anew_from_the_cache(ending):
    """Whether the server says so at once or in the stream; a second time, the newest."""
    reflector = watching()
    for now, query in ((10.0, FROM_CACHE), (20.0, {"limit": "500"})):
        if ending == "http":
            reflector.watch_ended(Failure(status=410, message="gone"), now)
        else:
            _, goes_on = reflector.take_event(error(410, reason="Expired"), now)
            assert not goes_on
        assert reflector.next_action(now + 1) == FetchPage(query)
        reflector.finish_page([], "200", "", now + 1)
        assert isinstance(reflector.next_action(now + 1), OpenWatch)
    assert reflector.relists == 2


def test_pages_that_expire_are_asked_for_in_one():
    """A list that takes longer than a revision lives would never end otherwise."""
    reflector = machine()
    reflector.next_action(0.0)
    reflector.finish_page([pod("a")], "100", "next", 0.0)
    reflector.next_action(0.0)
    reflector.list_failed(Failure(status=410, message="expired"), 0.0)
    action = reflector.next_action(10.0)
    assert action == FetchPage({k: v for k, v in FROM_CACHE.items() if k != "limit"})
    assert data(reflector.finish_page([pod("b")], "120", "", 10.0)) == [
        Listed("pods", [pod("b")], first=True),
        ListDone("pods"),
    ]


def test_a_server_that_is_behind_is_not_believed():
    """Its list is left alone, and the datastore's own state decides, even if older."""
    reflector = watching("100")
    reflector.watch_ended(Failure(status=410, message="gone"), 1.0)
    reflector.next_action(2.0)
    assert data(reflector.finish_page([], "90", "", 2.0)) == []
    assert reflector.next_action(3.0) == FetchPage({"limit": "500"})
    assert data(reflector.finish_page([], "95", "", 3.0))[-1] == ListDone("pods")
    assert reflector.revision == "95"


def test_a_revision_the_server_has_not_reached_is_given_up():
    """As after a restore of the datastore from a backup."""
    too_large = {"details": {"causes": [{"reason": "ResourceVersionTooLarge"}]}}
    reflector = watching("100")
    reflector.take_event(error(504, **too_large), 1.0)
    assert reflector.next_action(2.0) == FetchPage(FROM_CACHE)
    reflector.list_failed(failure(504, {**too_large, "code": 504}), 2.0)
    assert reflector.next_action(5.0) == FetchPage({"limit": "500"})


def test_a_missing_api_of_others_counts_as_synced_and_deletes_nothing():
    """It is looked for again every half minute, and told once."""
    reflector = machine()
    reflector.next_action(0.0)
    assert data(reflector.list_failed(Failure(status=404, message="no"), 0.0)) == [
        ApiMissing("pods")
    ]
    assert reflector.state is StreamState.MISSING
    assert wait_of(reflector, 0.0) == waits.MISSING_SECONDS
    assert reflector.next_action(30.0) == FetchPage(FROM_CACHE)
    assert data(reflector.list_failed(Failure(status=404, message="no"), 30.0)) == []


def test_a_missing_api_of_calicos_own_is_an_empty_list():
    """So the keys go when a CRD is deleted, and come back with it."""
    reflector = watching(empty_when_missing=True)
    reflector.watch_ended(Failure(status=404, message="no"), 10.0)
    assert reflector.next_action(10.0) == FetchPage(FROM_CACHE)
    assert data(reflector.list_failed(Failure(status=404, message="no"), 10.0)) == [
        Listed("pods", (), first=True),
        ListDone("pods"),
    ]
    assert wait_of(reflector, 10.0) == waits.MISSING_SECONDS
    reflector.next_action(40.0)
    assert data(reflector.list_failed(Failure(status=404, message="no"), 40.0)) == []
    reflector.next_action(70.0)
    reflector.finish_page([pod("a")], "3", "", 70.0)
    assert (reflector.state, reflector.revision) == (StreamState.WATCHING, "3")


def test_no_access_to_what_must_be_there_holds_the_sync():
    """Nothing is told; it is tried again, ever more slowly, and not less than 5 s apart."""
    reflector = machine()
    now, pauses = 0.0, []
    for _ in range(5):
        reflector.next_action(now)
        assert data(reflector.list_failed(Failure(status=403, message="no"), now)) == []
        pauses.append(wait_of(reflector, now))
        now += pauses[-1]
    assert pauses == [8.5, 17, 30, 30, 30]
    assert reflector.state is StreamState.FORBIDDEN


def test_no_access_to_an_optional_resource_counts_as_absent():
    """With the reason, and once."""
    reflector = machine(optional=True)
    reflector.next_action(0.0)
    assert data(reflector.list_failed(Failure(status=403, message="no"), 0.0)) == [
        ApiMissing("pods")
    ]
    assert (reflector.state, reflector.error) == (StreamState.MISSING, "no")
    reflector.next_action(10.0)
    assert data(reflector.list_failed(Failure(status=403, message="no"), 10.0)) == []


@pytest.mark.parametrize("status", [403, 404])
def test_where_only_watching_is_refused_the_list_is_polled(status):
    """Ever more slowly; the data stays true."""
    reflector = watching()
    now, pauses = 0.0, []
    for _ in range(8):
        reflector.watch_ended(Failure(status=status, message="no"), now)
        action = reflector.next_action(now)
        pauses.append(0.0 if isinstance(action, FetchPage) else action.until - now)
        now += pauses[-1]
        if pauses[-1]:
            assert isinstance(reflector.next_action(now), FetchPage)
        reflector.finish_page([], "100", "", now)
        assert isinstance(reflector.next_action(now), OpenWatch)
    assert pauses[0] == waits.SPACING_SECONDS
    assert pauses[-1] == (30.0 if status == 403 else 4.0)


def test_errors_of_the_server_are_asked_again_ever_more_slowly_and_as_it_asks():
    """Retry-After is a lower bound."""
    reflector = machine()
    now, pauses = 0.0, []
    for retry_after in (0.0, 0.0, 60.0, 0.0, 0.0):
        reflector.next_action(now)
        reflector.list_failed(Failure(status=500, message="x", retry_after=retry_after), now)
        pauses.append(wait_of(reflector, now))
        now += pauses[-1]
    assert pauses == [1, 2, 60, 4, 4]
    assert reflector.state is StreamState.FAILING


def test_without_any_answer_only_the_least_distance_is_kept():
    """The endpoint's back-off, which all share, decides when."""
    reflector = machine()
    for n in range(5):
        reflector.next_action(n * 10.0)
        reflector.list_failed(Failure(status=NO_ANSWER, message="refused"), n * 10.0)
        assert wait_of(reflector, n * 10.0) == waits.SPACING_SECONDS
    reflector = watching()
    for n in range(1, 20):
        reflector.watch_ended(Failure(status=NO_ANSWER, message="refused"), n * 10.0)
        assert isinstance(reflector.next_action(n * 10.0), OpenWatch)


def test_a_list_is_not_retried_from_its_middle():
    """The first part comes again, and says that all was unseen."""
    reflector = machine()
    reflector.next_action(0.0)
    reflector.take_items([pod("a")])
    reflector.list_failed(Failure(status=BROKEN_OFF, message="cut"), 0.0)
    assert reflector.next_action(5.0) == FetchPage(FROM_CACHE)
    assert data(reflector.take_items([pod("a")])) == [Listed("pods", [pod("a")], first=True)]


def test_a_watch_that_fails_often_is_preceded_by_a_list():
    """From the last revision, as in the original; an event resets the count."""
    reflector = watching("100")
    now, actions = 100.0, []
    for _ in range(6):
        reflector.watch_ended(Failure(status=500, message="x"), now)
        now += 100
        actions.append(reflector.next_action(now))
        if isinstance(actions[-1], FetchPage):
            break
    assert [type(action) for action in actions] == [OpenWatch] * 4 + [FetchPage]
    assert actions[-1].query == {**FROM_CACHE, "resourceVersion": "100"}


def test_watches_that_end_at_once_are_not_asked_for_in_a_tight_loop():
    """The waits grow although nothing failed."""
    reflector = watching()
    now, pauses = 0.0, []
    for _ in range(4):
        reflector.watch_ended(None, now)
        pauses.append(wait_of(reflector, now))
        now += pauses[-1]
        assert isinstance(reflector.next_action(now), OpenWatch)
    assert pauses == [0.5, 1, 2, 4]


def test_a_watch_that_breaks_after_events_goes_on_from_the_last():
    """Without a list, and soon."""
    reflector = watching()
    reflector.take_event(bookmark("150"), 10.0)
    reflector.watch_ended(Failure(status=BROKEN_OFF, message="reset"), 10.0)
    action = reflector.next_action(10.0)
    assert isinstance(action, OpenWatch)
    assert action.query["resourceVersion"] == "150"


def test_silence_is_noticed_and_only_a_list_tells_what_was_missed():
    """Once may be a half-open connection; twice without any event, watching itself is in doubt."""
    reflector = watching()
    assert not reflector.is_silent(89.0)
    assert reflector.is_silent(90.0)
    (report,) = reflector.watch_silent(90.0)
    assert (report.state, report.error) == (StreamState.FAILING, "no event or bookmark for 90 s")
    assert report.failing_since == 0.0
    assert reflector.next_action(90.0) == FetchPage({**FROM_CACHE, "resourceVersion": "100"})
    reflector.finish_page([], "100", "", 91.0)
    assert reflector.state is StreamState.WATCHING
    reflector.next_action(91.0)
    reflector.watch_opened(91.0)
    assert not reflector.is_silent(180.0)
    reflector.watch_silent(181.0)
    reflector.next_action(190.0)
    reflector.finish_page([], "100", "", 190.0)
    reflector.next_action(190.0)
    reflector.watch_opened(190.0)
    assert (reflector.state, reflector.failing_since) == (StreamState.FAILING, 91.0)
    reflector.watch_silent(280.0)
    assert (reflector.state, reflector.failing_since) == (StreamState.FAILING, 91.0)
    reflector.next_action(280.0)
    reflector.finish_page([], "100", "", 280.0)
    reflector.next_action(280.0)
    reflector.watch_opened(280.0)
    reflector.take_event(bookmark("101"), 290.0)
    assert (reflector.state, reflector.failing_since) == (StreamState.WATCHING, 0.0)


@pytest.mark.parametrize(
    "bad",
    [
        event("ADDED", {}),
        event("ADDED", {"metadata": []}),
        event("ADDED", {"metadata": {"name": "a"}}),
        event("ADDED", {"metadata": {"resourceVersion": "5"}}),
        event("ADDED", {"metadata": {"name": "a", "namespace": 5, "resourceVersion": "5"}}),
        event("BOOKMARK", {"metadata": {}}),
        {"object": {}},
    ],
)
def test_an_event_that_says_too_little_ends_the_watch_and_a_list_follows(bad):
    """Where the object is isolated; the next time it is waited for."""
    reflector = watching()
    for now, pause in ((10.0, 0.0), (20.0, 1.0)):
        events, goes_on = reflector.take_event(bad, now)
        assert (data(events), goes_on) == ([], False)
        if pause:
            assert wait_of(reflector, now) == pause
        assert reflector.next_action(now + pause) == FetchPage(
            {**FROM_CACHE, "resourceVersion": "100"}
        )
        reflector.finish_page([], "100", "", now + pause)
        reflector.next_action(now + pause)


def test_whoever_waits_can_be_told_to_hurry():
    """It does not make waits any longer."""
    reflector = machine()
    reflector.next_action(0.0)
    reflector.list_failed(Failure(status=403, message="no"), 0.0)
    assert wait_of(reflector, 1.0) == 7.5
    reflector.hurry(1.0)
    assert isinstance(reflector.next_action(1.0), FetchPage)
    reflector.hurry(9.0)
    assert wait_of(reflector, 1.0) == waits.SPACING_SECONDS


def test_whatever_is_known_can_be_given_up():
    """A list from the datastore itself is believed, however old its revision is."""
    reflector = watching()
    reflector.start_over(10.0)
    assert reflector.revision == ""
    assert reflector.next_action(10.0) == FetchPage({"limit": "500"})
    events = data(reflector.finish_page([pod("b")], "50", "", 10.0))
    assert events == [Listed("pods", [pod("b")], first=True), ListDone("pods")]
    action = reflector.next_action(10.0)
    assert isinstance(action, OpenWatch)
    assert action.query["resourceVersion"] == "50"


def test_a_list_without_a_revision_is_polled():
    """There is nothing to watch from."""
    reflector = machine()
    reflector.next_action(0.0)
    assert data(reflector.finish_page([], "", "", 0.0))[-1] == ListDone("pods")
    assert wait_of(reflector, 0.0) == 4.0
    assert reflector.next_action(5.0) == FetchPage({"limit": "500"})


def test_reports_come_at_a_change_and_else_once_a_second():
    """However many events there are."""
    reflector = watching()
    reports = [
        event
        for n in range(100)
        for event in reflector.take_event(bookmark(str(101 + n)), 5.0 + n / 50)[0]
    ]
    assert [report.alive_at for report in reports] == [5.0, 6.0]
    (report,) = reflector.watch_ended(Failure(status=500, message="x"), 7.0)
    assert (report.state, report.error, report.alive_at) == (StreamState.FAILING, "x", 6.98)


def test_chance_shortens_waits_and_spreads_watches():
    """So that many who failed together do not return together."""
    reflector = Reflector(Nature(resource="pods"), 90.0, lambda: 1.0)
    reflector.next_action(0.0)
    reflector.list_failed(Failure(status=500, message="x"), 0.0)
    assert wait_of(reflector, 0.0) == pytest.approx(0.6)
    reflector.next_action(1.0)
    reflector.finish_page([], "1", "", 1.0)
    action = reflector.next_action(1.0)
    assert isinstance(action, OpenWatch)
    assert action.query["timeoutSeconds"] == "600"


class Datastore:
    """A resource with a history, answering as an API server does."""

    def __init__(self) -> None:
        """Start with nothing, at revision 10."""
        self.revision = 10
        self.objects: dict[str, dict] = {}
        self.history: list[tuple[int, dict]] = []
        self.compacted = 0
        self.pages: dict[str, tuple[int, list[dict]]] = {}

    def change(self, name: str, value: int | None) -> None:
        """Create, update or delete."""
        if value is None and name not in self.objects:
            return
        self.revision += 1
        body = {**pod(name, str(self.revision)), "spec": value}
        kind = "DELETED" if value is None else "MODIFIED" if name in self.objects else "ADDED"
        self.objects.pop(name, None)
        if value is not None:
            self.objects[name] = body
        self.history.append((self.revision, event(kind, body)))

    def compact(self) -> None:
        """Forget the history."""
        self.compacted = self.revision
        self.pages.clear()

    def page(self, query: dict) -> tuple[list[dict], str, str] | Failure:
        """Answer a list in pages of two."""
        if token := query.get("continue"):
            if token not in self.pages:
                return Failure(status=410, message="expired")
            revision, rest = self.pages.pop(token)
        else:
            revision, rest = self.revision, list(self.objects.values())
        if "limit" not in query or len(rest) <= 2:
            return rest, str(revision), ""
        token = f"{revision}/{len(rest)}"
        self.pages[token] = (revision, rest[2:])
        return rest[:2], str(revision), token

    def since(self, revision: int) -> list[dict] | Failure:
        """Answer a watch with all that is in the history."""
        if revision < self.compacted:
            return Failure(status=410, message="expired")
        return [event for at, event in self.history if at > revision]


class Shell:
    """Does what the machine asks, with as much trouble as wanted."""

    def __init__(self) -> None:
        """Start at moment 0."""
        self.store, self.inbox, self.now = Datastore(), Recording(), 0.0
        self.reflector = machine(empty_when_missing=True)

    def put(self, events: list) -> None:
        """Deliver."""
        for one in events:
            self.inbox.put(one)

    def step(self, trouble: str = "", take: int = 99) -> None:
        """Do the machine's next action."""
        action = self.reflector.next_action(self.now)
        match action:
            case Wait():
                self.now = action.until
            case FetchPage():
                self.list(dict(action.query), trouble)
            case OpenWatch():
                self.watch(int(action.query["resourceVersion"]), trouble, take)

    def list(self, query: dict, trouble: str) -> None:
        """Answer a list, or not, or half."""
        page = self.store.page(query)
        if trouble in FAILURES:
            page = FAILURES[trouble]
        if isinstance(page, Failure):
            self.put(self.reflector.list_failed(page, self.now))
            return
        items, revision, token = page
        if trouble:
            self.put(self.reflector.take_items(items[:1]))
            self.put(
                self.reflector.list_failed(Failure(status=BROKEN_OFF, message="cut"), self.now)
            )
            return
        self.put(self.reflector.take_items(items[:1]))
        self.put(self.reflector.finish_page(items[1:], revision, token, self.now))

    def watch(self, revision: int, trouble: str, take: int) -> None:
        """Answer a watch with some events, then end it."""
        found = self.store.since(revision)
        if trouble in FAILURES:
            found = FAILURES[trouble]
        if isinstance(found, Failure):
            self.put(self.reflector.watch_ended(found, self.now))
            return
        self.put(self.reflector.watch_opened(self.now))
        for one in found[:take]:
            self.put(self.reflector.take_event(one, self.now)[0])
        self.now += 1
        if trouble == "garbled":
            self.put(self.reflector.watch_garbled("garbled", self.now))
        elif trouble == "silent":
            self.put(self.reflector.watch_silent(self.now))
        elif trouble == "reset":
            self.put(self.reflector.watch_ended(Failure(status=BROKEN_OFF, message="r"), self.now))
        else:
            self.put(self.reflector.watch_ended(None, self.now))


FAILURES = {
    "refused": Failure(status=NO_ANSWER, message="refused"),
    "500": Failure(status=500, message="x"),
    "429": Failure(status=429, message="x", retry_after=3.0),
    "410": Failure(status=410, message="x"),
    "404": Failure(status=404, message="x"),
    "403": Failure(status=403, message="x"),
    "too new": Failure(status=504, message="x", too_new=True),
}
changes = st.tuples(st.sampled_from("abcdef"), st.none() | st.integers(0, 3))
steps = st.one_of(
    changes,
    changes,
    st.just("compact"),
    st.just("restore"),
    st.tuples(
        st.just("step"),
        st.sampled_from(["", "", "", "garbled", "silent", "reset", *FAILURES]),
        st.integers(0, 3),
    ),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(steps, max_size=40))
def test_any_sequence_of_changes_and_trouble_ends_in_the_state_of_a_fresh_list(sequence):
    """Creates, updates, deletes, lists and watches that break anywhere, compaction, restore."""
    shell = Shell()
    for one in sequence:
        match one:
            case "compact":
                shell.store.compact()
            case "restore":  # from a backup, and written since
                shell.store.revision += 5
                shell.store.history.clear()
                shell.store.compact()
            case ("step", trouble, take):
                shell.step(trouble, take)
            case (name, value):
                shell.store.change(name, value)
    for _ in range(60):
        shell.step()
    assert "pods" in shell.inbox.synced
    stored = {("ns", name): value for name, value in shell.store.objects.items()}
    assert shell.inbox.objects["pods"] == stored
    assert shell.reflector.state is StreamState.WATCHING
    assert shell.reflector.revision == str(shell.store.revision) or not shell.store.history
