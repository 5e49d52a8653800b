"""One resource's list and watch against the API server: moves bytes and values.

What to ask next, and what an answer means, is the reflector's to decide.
"""

import logging
import random
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Final

from typha.datastore import answers
from typha.datastore.answers import Failure
from typha.datastore.k8s.bodies import BodyError, ListDecoder, WatchDecoder
from typha.datastore.k8s.client import Client, ClosedError, RequestError, SilenceError, Times
from typha.datastore.ports import Changed, Event, Inbox, Listed, StreamReport, StreamState
from typha.datastore.questions import FetchPage, OpenWatch, Wait
from typha.datastore.reflector import Nature, Reflector
from typha.model.resources import JsonObject

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0  # that pass until somebody who waits hears that it may hurry
CRASH_SECONDS: Final = 5.0  # until a stream that met a bug of ours begins anew
MOST_TOLD: Final = 10  # troubles of one stream, until it is well again
# An event that had to be waited for, but no longer than this, is one of many ...
AT_ONCE_SECONDS: Final = 0.0002
BUSY_SECONDS: Final = 0.004
GATHER_SECONDS: Final = 0.005  # ... and the next ones are left to gather: to read many costs less
_WORKING: Final = (StreamState.LISTING, StreamState.WATCHING)


class Stream:
    """The stream of one resource."""

    def __init__(
        self, client: Client, path: str, nature: Nature, inbox: Inbox, *, silent_after: float
    ) -> None:
        """Note what to list and watch; `run` does it."""
        self.strip_managed_fields = False
        self._client = client
        self._path = path
        self._nature = nature
        self._inbox = inbox
        self._silent_after = silent_after
        self._watch_times = Times(read=silent_after)
        self._reflector = self._anew()
        self._told: set[tuple[StreamState, str]] = set()  # since it was last well
        self._stopping = threading.Event()
        self._is_hurried = False
        self._is_outdated = False

    @property
    def revision(self) -> str:
        """Tell up to where it has come; nothing while it starts over."""
        return "" if self._is_outdated else self._reflector.revision

    def start_over(self) -> None:
        """Have everything listed anew, once what goes on has ended; safe from any thread."""
        self._is_outdated = True

    def hurry(self) -> None:
        """Have the next attempt made soon; safe to call from any thread."""
        self._is_hurried = True

    def _anew(self) -> Reflector:
        return Reflector(self._nature, self._silent_after, random.random)

    def run(self, stopping: threading.Event) -> None:
        """List and watch until it is time to stop."""
        self._stopping = stopping
        self._deliver([self._reflector.report(time.monotonic())])
        while not stopping.is_set():
            try:
                self._step()
            except ClosedError:
                return
            except Exception:  # a bug of ours must not silence a resource for good
                log.exception("stream begun anew", extra={"resource": self._nature.resource})
                stopping.wait(CRASH_SECONDS)
                self._reflector = self._anew()

    def _step(self) -> None:
        now = time.monotonic()
        if self._is_outdated:
            self._reflector.start_over(now)
            self._is_outdated = False
        if self._is_hurried:
            self._is_hurried = False
            self._reflector.hurry(now)
        match self._reflector.next_action(now):
            case Wait(until):
                self._stopping.wait(min(until - now, LOOK_SECONDS))
            case FetchPage(query):
                self._list(dict(query))
            case OpenWatch(query):
                self._watch(dict(query))

    def _list(self, query: dict[str, str]) -> None:
        decoder = ListDecoder()
        try:
            with self._client.get(self._path, query) as answer:
                for piece in answer.pieces():
                    if items := decoder.feed(piece):
                        self._deliver(self._reflector.take_items(items))
            page = decoder.finish()
        except RequestError as error:
            self._deliver(self._reflector.list_failed(error.failure, time.monotonic()))
        except BodyError as error:
            failure = Failure(status=answers.BROKEN_OFF, message=str(error))
            self._deliver(self._reflector.list_failed(failure, time.monotonic()))
        else:
            now = time.monotonic()
            events = self._reflector.finish_page(
                page.items, page.revision, page.token, now, bad=page.bad
            )
            self._deliver(events)

    def _watch(self, query: dict[str, str]) -> None:
        try:
            with self._client.get(self._path, query, self._watch_times) as answer:
                self._deliver(self._reflector.watch_opened(time.monotonic()))
                events = self._follow(answer.pieces())
        except SilenceError:
            events = self._reflector.watch_silent(time.monotonic())
        except RequestError as error:
            events = self._reflector.watch_ended(error.failure, time.monotonic())
        except BodyError as error:
            events = self._reflector.watch_garbled(str(error), time.monotonic())
        self._deliver(events)

    def _follow(self, pieces: Iterable[bytes]) -> list[Event]:
        """Deliver a watch's events until it ends; give what its end means."""
        decoder = WatchDecoder()
        for piece, now in _gathered(pieces):
            for event in decoder.feed(piece):
                events, goes_on = self._reflector.take_event(event, now)
                if not goes_on:
                    return events
                self._deliver(events)
            if self._reflector.is_silent(now):  # bytes, but no event
                return self._reflector.watch_silent(now)
        return self._reflector.watch_ended(None, time.monotonic())

    def _deliver(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, StreamReport):
                self._log(event)
            elif self.strip_managed_fields:
                _strip(event)
            self._inbox.put(event)

    def _log(self, report: StreamReport) -> None:
        """Tell of each trouble once, and of the end of all.

        That nobody answers at all, the client tells for everybody.
        """
        if self._stopping.is_set():
            return
        fields = {"resource": report.resource, "state": report.state.value}
        trouble = (report.state, report.error)
        if report.state in _WORKING:
            if self._told:
                log.info("stream is well again", extra=fields)
            self._told.clear()
            return
        is_told = trouble in self._told or len(self._told) == MOST_TOLD
        if not is_told and not self._client.is_away:
            self._told.add(trouble)
            log.warning("stream in trouble", extra={**fields, "error": report.error})


def _gathered(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, float]]:
    """Give each piece with the moment it came; while they keep coming, read several at a time."""
    asked_at = time.monotonic()
    for piece in pieces:
        now = time.monotonic()
        yield piece, now
        if AT_ONCE_SECONDS < now - asked_at < BUSY_SECONDS:
            time.sleep(GATHER_SECONDS)
        asked_at = time.monotonic()


def _strip(event: Event) -> None:
    """Take out who set which field, often half of an object."""
    objects: Iterable[JsonObject] = ()
    if isinstance(event, Listed):
        objects = event.objects
    elif isinstance(event, Changed):
        objects = (event.object,)
    for value in objects:
        value["metadata"].pop("managedFields", None)
