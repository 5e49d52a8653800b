"""The API server as a source: a thread for each resource, and one that minds the whole."""

import functools
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Final

from typha.config.settings import DatastoreSettings
from typha.datastore import answers
from typha.datastore.answers import Failure
from typha.datastore.k8s import access, discovery, init, kinds
from typha.datastore.k8s.client import Client, ClosedError, RequestError, Times
from typha.datastore.k8s.kinds import Kind
from typha.datastore.k8s.stream import CRASH_SECONDS, Stream
from typha.datastore.k8s.upstream import Upstream
from typha.datastore.ports import Inbox, StreamReport, StreamState
from typha.datastore.reflector import Nature
from typha.model.resources import ApiGroup, JsonObject
from typha.telemetry.obstacles import Obstacles

log = logging.getLogger(__name__)

PROBES: Final = 3  # while the API server is away, until it counts as stale
PROBE_SECONDS: Final = 10.0  # between two probes, if not oftener for that
PROBE_AGAIN_SECONDS: Final = 1.0  # the same while they fail
PROBE_ANSWER_SECONDS: Final = 5.0  # for one of them, if not less for that
PROBED: Final = kinds.BY_NAME["clusterinformations.projectcalico.org"]  # one object, and ours
ACCESS_SECONDS: Final = 3.0  # between two questions whether what is forbidden still is
INITIALISE_SECONDS: Final = 10.0  # until what could not be written is tried again
STOP_SECONDS: Final = 2.0  # a thread may be waiting for room in an inbox that nobody empties

# Answers that show the server at work, though not for us.
_ALIVE: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS)


def open_source(settings: DatastoreSettings, resources: Iterable[str]) -> "KubernetesSource":
    """Give the source of these resources; nothing is read or connected yet."""
    return KubernetesSource(settings, [kinds.BY_NAME[name] for name in resources])


class KubernetesSource:
    """Delivers the objects of an API server, and their changes."""

    def __init__(self, settings: DatastoreSettings, wanted: list[Kind]) -> None:
        """Note what to do; `start` does it."""
        self._settings = settings
        self._kinds = wanted
        self._client = Client(settings.kubernetes)
        share = settings.upstream_stale_after / PROBES
        self._probe_every = min(PROBE_SECONDS, share)
        answer = min(PROBE_ANSWER_SECONDS, share / 2)
        self._probe_times = Times(read=answer, patience=2.0)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._streams: dict[str, Stream] = {}
        self._hurried: frozenset[str] = frozenset()
        self._revision = 0  # of the datastore, at the last probe
        self._obstacles = Obstacles()  # to preparing it

    def start(self, inbox: Inbox) -> None:
        """Begin to deliver; returns at once."""
        upstream = Upstream(inbox)
        self._spawn("datastore", lambda: self._run(upstream))

    def stop(self) -> None:
        """End every stream and wait for its threads."""
        self._stopping.set()
        self._client.close()
        until = time.monotonic() + STOP_SECONDS
        for thread in list(self._threads):
            thread.join(max(0.0, until - time.monotonic()))

    def _spawn(self, name: str, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _run(self, upstream: Upstream) -> None:
        api_group = ""
        while not self._stopping.is_set():
            try:
                api_group = api_group or self._find_group(upstream)
                self._follow(api_group, upstream)
            except ClosedError:
                return
            except Exception:  # a bug of ours, or no thread to be had, must not be the end of it
                log.exception("the API server is begun with anew")
                self._stopping.wait(CRASH_SECONDS)

    def _follow(self, api_group: str, upstream: Upstream) -> None:
        is_initialised = self._initialise(api_group)
        for kind in self._kinds:
            if kind.name not in self._streams:
                self._begin(kind, api_group, upstream)
        self._mind(api_group, upstream, is_initialised=is_initialised)

    # ---- before the streams

    def _find_group(self, upstream: Upstream) -> str:
        """Learn where Calico's own are stored; waits for as long as the API server is away."""
        if configured := discovery.chosen(self._settings.kubernetes.api_group):
            return configured
        for kind in self._kinds:
            upstream.put(StreamReport(resource=kind.name, state=StreamState.LISTING))
        obstacles = Obstacles()
        while True:
            try:
                api_group = discovery.ask(self._client)
            except RequestError as error:
                trouble = error.failure.message
                upstream.failed(trouble)
                # That nobody answers at all, the client tells.
                is_answer = error.failure.status != answers.NO_ANSWER
                if is_answer and obstacles.is_to_be_said(trouble, time.monotonic()):
                    about = {"url": f"{self._client.url}/apis", "error": trouble}
                    log.warning("the API server does not tell its API groups", extra=about)
                self._pause(PROBE_AGAIN_SECONDS)
            else:
                upstream.answered(time.monotonic())
                log.info("Calico's resources are in", extra={"group": api_group})
                return api_group

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise ClosedError

    def _initialise(self, api_group: str) -> bool:
        try:
            init.initialise(self._client, api_group)
        except RequestError as error:
            trouble = error.failure.message
            if self._obstacles.is_to_be_said(trouble, time.monotonic()):
                log.warning("datastore not prepared yet", extra={"error": trouble})
            return False
        except (TypeError, ValueError):  # of what is stored; nothing else must wait for it
            log.exception("datastore not prepared yet")
            return False
        return True

    def _begin(self, kind: Kind, api_group: str, upstream: Upstream) -> None:
        nature = Nature(
            resource=kind.name,
            paged=kind.paged,
            optional=kind.optional,
            empty_when_missing=kind.calico,
        )
        stream = Stream(
            self._client,
            kind.path(api_group),
            nature,
            upstream,
            silent_after=self._settings.watch_silent_after,
        )
        stream.strip_managed_fields = self._settings.strip_managed_fields
        self._spawn(kind.name, lambda: stream.run(self._stopping))
        self._streams[kind.name] = stream

    # ---- beside the streams

    def _mind(self, api_group: str, upstream: Upstream, *, is_initialised: bool) -> None:
        """Probe for ever, and prepare the datastore when that was not possible at first."""
        initialise_at = time.monotonic() + INITIALISE_SECONDS
        while True:
            is_alive = self._probe(api_group, upstream)
            if not is_initialised and is_alive and time.monotonic() >= initialise_at:
                is_initialised = self._initialise(api_group)
                initialise_at = time.monotonic() + INITIALISE_SECONDS
            pauses = [self._probe_every]
            if not is_alive:
                pauses.append(PROBE_AGAIN_SECONDS)
            elif forbidden := upstream.forbidden():
                pauses.append(ACCESS_SECONDS)
                self._look_for_access(api_group, forbidden)
            self._pause(min(pauses))

    def _probe(self, api_group: str, upstream: Upstream) -> bool:
        """Read one object through to the datastore: the API server's cache answers for long."""
        reached = self._reached(api_group)
        try:
            answer = self._client.fetch(
                PROBED.path(api_group), {"limit": "1"}, times=self._probe_times
            )
        except RequestError as error:
            if not _shows_life(error.failure):
                upstream.failed(error.failure.message)
                return False
        else:
            self._compare(answer, reached)
        upstream.answered(time.monotonic())
        return True

    def _reached(self, api_group: str) -> int:
        """Return the newest revision that a probe cannot be behind.

        Custom resources are all in one datastore; others may have one of their own, or, in the
        newer group, a server in between.
        """
        names = (
            [kind.name for kind in self._kinds if kind.calico] if api_group == ApiGroup.CRD else []
        )
        revisions = [answers.order(self._streams[name].revision) for name in names]
        return max([self._revision, *(each for each in revisions if each is not None)])

    def _compare(self, answer: JsonObject, reached: int) -> None:
        """Find out if the datastore has become older: then it was restored from a backup.

        Watches would wait for revisions that come a second time, with other contents, and the API
        server lets them.  A probe is read from the datastore itself, whichever server answers.
        """
        metadata = answer.get("metadata")
        stated = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        revision = answers.order(stated) if isinstance(stated, str) else None
        if revision is None:
            return
        self._revision = revision
        if self._revision < reached:
            log.warning(
                "the datastore has become older: all is listed again",
                extra={"revision": self._revision, "before": reached},
            )
            for stream in self._streams.values():
                stream.start_over()
            self._client.break_off()

    def _look_for_access(self, api_group: str, forbidden: frozenset[str]) -> None:
        """Ask about one of what is forbidden; if it no longer is, let all be tried soon, once.

        A review costs the API server less than a list, so it may be asked for more often; and a
        role is mostly given as a whole.
        """
        self._hurried &= forbidden
        candidates = sorted(forbidden - self._hurried)
        if not candidates:
            return
        kind = kinds.BY_NAME[random.choice(candidates)]  # noqa: S311 - any will do
        fetch = functools.partial(self._client.fetch, times=self._probe_times)
        try:
            is_granted = access.may(fetch, kind.version_in(api_group), kind.plural, "list")
        except RequestError:
            return
        if is_granted:
            self._hurried |= forbidden
            for resource in candidates:
                self._streams[resource].hurry()


def _shows_life(failure: Failure) -> bool:
    return failure.status in _ALIVE
