"""One resource's list and watch, as a machine without I/O.

The shell asks `next_action`, does it, and says what came of it; what is to be delivered is given
back.  Time and chance come in, so the machine knows no clock.  The rules are those of the
original's watch cache, but that waits grow, silence is noticed and a bad object harms only itself.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from typha.datastore import answers, ports, questions, waits
from typha.datastore.answers import BadItem, Failure
from typha.datastore.ports import (
    ApiMissing,
    Changed,
    Event,
    ListDone,
    Listed,
    Removed,
    StreamReport,
    StreamState,
    Undecodable,
)
from typha.datastore.questions import Action, FetchPage, Listing, OpenWatch, Wait
from typha.model.resources import JsonObject

FAILURES_BEFORE_LIST: Final = 5  # of a watch without progress, as in the original
REPORT_SECONDS: Final = 1.0  # between two reports that say the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What tells one resource from another here."""

    resource: str
    paged: bool = True
    optional: bool = False  # no access to it counts as absent
    empty_when_missing: bool = False  # Calico's own: no API means no objects


@dataclass(slots=True)
class Reflector:
    """Decides what to ask next, and what an answer means."""

    nature: Nature
    silent_after: float  # seconds without event or bookmark
    chance: Callable[[], float]  # from 0 to 1
    revision: str = ""  # of the newest list, event or bookmark
    state: StreamState = StreamState.LISTING
    error: str = ""
    relists: int = 0
    alive_at: float = 0.0
    failing_since: float = 0.0  # if that is before it was noticed
    _listing: Listing | None = field(init=False)
    _blocked_until: float = 0.0
    _list_failures: int = 0  # in a row
    _watch_failures: int = 0  # without an event or bookmark in between
    _silences: int = 0  # the same
    _watching_since: float = 0.0
    _progressed: bool = False  # the watch that is open has delivered something
    _reported: tuple[StreamState, str] | None = None
    _reported_at: float = 0.0

    def __post_init__(self) -> None:
        """Begin with a list."""
        self._listing = Listing(questions.FROM_CACHE, self.nature.paged)

    def next_action(self, now: float) -> Action:
        """Say what to do now."""
        if now < self._blocked_until:
            return Wait(self._blocked_until)
        self._blocked_until = now + waits.SPACING_SECONDS
        if self._listing is not None:
            return FetchPage(questions.list_page(self._listing))
        self._watching_since, self._progressed = now, False
        return OpenWatch(questions.watch(self.revision, self.chance()))

    def hurry(self, now: float) -> None:
        """Wait no longer: what was waited for may have come."""
        self._blocked_until = min(self._blocked_until, now)

    def start_over(self, now: float) -> None:
        """Believe nothing of what is known: only the datastore itself can tell what is."""
        self.revision = ""
        self._relist(questions.NEWEST)
        self.hurry(now)

    # ---- lists

    def take_items(self, items: Sequence[Any], bad: Iterable[BadItem] = ()) -> list[Event]:
        """Take some objects of the page that is on its way."""
        assert self._listing is not None
        resource = self.nature.resource
        good = [item for item in items if answers.identity(item) is not None]
        first, self._listing.begun = not self._listing.begun, True
        events: list[Event] = [Listed(resource, good, first=first)]
        events += [Undecodable(resource, *item) for item in bad]
        nameless = len(items) - len(good)
        return events + [Undecodable(resource, "", "", "no name")] * nameless

    def finish_page(
        self,
        items: Sequence[Any],
        revision: str,
        token: str,
        now: float,
        bad: Iterable[BadItem] = (),
    ) -> list[Event]:
        """Take the last objects of a page, the list's revision and the next page's token."""
        assert self._listing is not None
        if self._listing.revision != questions.NEWEST and self._is_older(revision):
            # This server's cache is behind what we have seen, or the datastore was restored from
            # a backup.  Only the datastore itself can tell.
            self._relist(questions.NEWEST)
            return self._report(now, StreamState.LISTING, f"revision {revision} is older")
        if token and token == self._listing.token:  # it would go round for ever
            repeated = Failure(status=answers.BROKEN_OFF, message="a page is followed by itself")
            return self.list_failed(repeated, now)
        events = self.take_items(items, bad)
        if token:
            self._listing.token = token
            self._blocked_until = now
            return events + self._alive(now, StreamState.LISTING)
        self.revision, self._listing, self._list_failures = revision, None, 0
        self._blocked_until = now
        if revision in ("", "0"):  # nothing to watch from
            self._list_again(questions.NEWEST)
            self._hold(now, waits.TROUBLE, 10)
        events.append(ListDone(self.nature.resource))
        if self._silences > 1:  # the list is true, but watches give nothing
            return events + self._alive(now, StreamState.FAILING, self.error)
        return events + self._alive(now, StreamState.WATCHING)

    def list_failed(self, failure: Failure, now: float) -> list[Event]:
        """Decide what a page that was not to be had means."""
        assert self._listing is not None
        self._list_failures += 1
        if failure.status == HTTPStatus.NOT_FOUND:
            return self._missing(failure.message, now)
        if failure.status == HTTPStatus.FORBIDDEN:
            return self._forbidden(failure, now)
        if failure.status != answers.NO_ANSWER:  # else the endpoint's own back-off decides
            self._hold(now, waits.TROUBLE, self._list_failures, failure.retry_after)
        revision, begun_pages = self._listing.revision, bool(self._listing.token)
        if not failure.is_expired:
            self._list_again(revision)
            return self._report(now, StreamState.FAILING, failure.message)
        if begun_pages:  # pages do not last long enough: all in one
            self._listing = Listing(revision, paged=False)
        else:
            self._list_again(
                questions.NEWEST if revision == questions.FROM_CACHE else questions.FROM_CACHE
            )
        return self._report(now, StreamState.LISTING, failure.message)

    def _missing(self, message: str, now: float) -> list[Event]:
        resource, events = self.nature.resource, list[Event]()
        if self.state is not StreamState.MISSING and self.nature.empty_when_missing:
            events = [Listed(resource, (), first=True), ListDone(resource)]
        elif self.state is not StreamState.MISSING:
            events = [ApiMissing(resource)]
        self.revision = ""
        self._list_again(questions.FROM_CACHE)
        self._blocked_until = now + waits.MISSING_SECONDS
        return events + self._alive(now, StreamState.MISSING, message)

    def _forbidden(self, failure: Failure, now: float) -> list[Event]:
        self._list_again(questions.FROM_CACHE)
        self._hold(now, waits.FORBIDDEN, self._list_failures, failure.retry_after)
        if not self.nature.optional:
            return self._report(now, StreamState.FORBIDDEN, failure.message)
        known = self.state is StreamState.MISSING
        events: list[Event] = [] if known else [ApiMissing(self.nature.resource)]
        return events + self._alive(now, StreamState.MISSING, failure.message)

    # ---- watches

    def watch_opened(self, now: float) -> list[Event]:
        """Note that the server watches for us; that proves little where that has helped little."""
        if self._silences > 1 or self._has_failed_often():
            return []
        return self._alive(now, StreamState.WATCHING)

    def take_event(self, event: JsonObject, now: float) -> tuple[list[Event], bool]:
        """Take one event of the watch; say also whether the watch goes on."""
        kind, value = event.get("type"), event["object"]
        if kind == "ERROR":
            return self.watch_ended(answers.failure_in_stream(value), now), False
        metadata = value.get("metadata")
        revision = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        if not isinstance(revision, str) or not revision:
            return self.watch_garbled(f"{kind} event without a revision", now), False
        identity = answers.identity_in(metadata)
        if identity is None and kind != "BOOKMARK":
            return self.watch_garbled(f"{kind} event without a name", now), False
        self.revision, self._progressed = revision, True
        self._watch_failures = self._silences = 0
        self.alive_at = now
        events = self._report(now, StreamState.WATCHING)
        if kind == "DELETED" and identity is not None:
            events.insert(0, Removed(self.nature.resource, *identity))
        elif kind != "BOOKMARK":
            events.insert(0, Changed(self.nature.resource, value))
        return events, True

    def watch_ended(self, failure: Failure | None, now: float) -> list[Event]:
        """Decide how to go on after a watch; None if the server just closed it."""
        if failure is None:
            if self._progressed or now - self._watching_since > waits.SPACING_SECONDS:
                return []
            failure = Failure(status=answers.BROKEN_OFF, message="watches are closed at once")
        is_forbidden = failure.status == HTTPStatus.FORBIDDEN
        if failure.status != answers.NO_ANSWER:  # else the endpoint's own back-off decides
            growth = waits.FORBIDDEN if is_forbidden else waits.TROUBLE
            self._hold(now, growth, self._watch_failures, failure.retry_after)
            self._watch_failures += 1
        if failure.is_expired:
            self._relist(questions.FROM_CACHE if self._watch_failures == 1 else questions.NEWEST)
            return self._report(now, StreamState.LISTING, failure.message)
        if is_forbidden or failure.status == HTTPStatus.NOT_FOUND:
            # Asking for the list shows what that means; where only watches are refused, it serves.
            self._list_again(questions.FROM_CACHE)
        elif self._has_failed_often() and failure.status != answers.NO_ANSWER:
            self._relist(self.revision)
        state = StreamState.FORBIDDEN if is_forbidden else StreamState.FAILING
        return self._report(now, state, failure.message)

    def _has_failed_often(self) -> bool:
        return self._watch_failures >= FAILURES_BEFORE_LIST

    def is_silent(self, now: float) -> bool:
        """Say whether the watch that is open has given nothing for too long."""
        return now - max(self.alive_at, self._watching_since) >= self.silent_after

    def watch_silent(self, now: float) -> list[Event]:
        """Decide what to do after silence: only a list tells what was missed."""
        self._silences += 1
        self.failing_since = self.failing_since or now - self.silent_after
        message = f"no event or bookmark for {self.silent_after:g} s"
        return self._distrust(message, now)

    def watch_garbled(self, message: str, now: float) -> list[Event]:
        """Decide what to do after an event that cannot be read: a list isolates the object."""
        return self._distrust(message, now)

    def _distrust(self, message: str, now: float) -> list[Event]:
        self._hold(now, waits.TROUBLE, self._watch_failures)
        self._watch_failures += 1
        self._relist(self.revision)
        return self._report(now, StreamState.FAILING, message)

    # ---- common to both

    def report(self, now: float) -> StreamReport:
        """Say how the stream stands."""
        self._reported, self._reported_at = (self.state, self.error), now
        return StreamReport(
            resource=self.nature.resource,
            state=self.state,
            revision=self.revision,
            error=self.error,
            relists=self.relists,
            alive_at=self.alive_at,
            failing_since=self.failing_since,
        )

    def _alive(self, now: float, state: StreamState, error: str = "") -> list[Event]:
        self.alive_at = now
        return self._report(now, state, error)

    def _report(self, now: float, state: StreamState, error: str = "") -> list[Event]:
        self.state, self.error = state, error
        if state in ports.WORKING:
            self.failing_since = 0.0
        if self._reported == (state, error) and now - self._reported_at < REPORT_SECONDS:
            return []
        return [self.report(now)]

    def _relist(self, revision: str) -> None:
        self.relists += 1
        self._list_again(revision)

    def _list_again(self, revision: str) -> None:
        self._listing = Listing(revision, self.nature.paged)

    def _is_older(self, revision: str) -> bool:
        """Compare revisions, which are numbers wherever they can be compared."""
        given, known = answers.order(revision), answers.order(self.revision)
        return given is not None and known is not None and given < known

    def _hold(
        self, now: float, growth: waits.Growth, failures: int, at_least: float = 0.0
    ) -> None:
        """Wait longer with each failure in a row, and never shorter than the server asks."""
        wait = max(growth.seconds(failures, self.chance()), at_least)
        self._blocked_until = max(self._blocked_until, now + wait)
