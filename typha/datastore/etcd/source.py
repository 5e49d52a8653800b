"""The etcd datastore: one thread that lists each kind, then follows them all over one stream.

What to ask and what an answer means is decided elsewhere: `endpoints` whom, `watches` what.
"""

import logging
import random
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Final

from typha.config.settings import DatastoreSettings, EtcdSettings
from typha.datastore import ports
from typha.datastore.etcd import codec, discovery, endpoints, init, kinds
from typha.datastore.etcd.client import Connection, Stream
from typha.datastore.etcd.errors import CompactedError, DeniedError, EtcdError
from typha.datastore.etcd.kinds import Kind
from typha.datastore.etcd.protobuf import ProtobufError
from typha.datastore.etcd.reporting import Reporting
from typha.datastore.etcd.watches import Compacted, Heard, Refused, Watches
from typha.datastore.ports import StreamState
from typha.telemetry.obstacles import Obstacles

log = logging.getLogger(__name__)

PAGE_KEYS: Final = 500  # in one answer
DENIED_SECONDS: Final = 30.0  # until what was not allowed is tried again
FRESH_SECONDS: Final = 10.0  # age of a stream whose token cannot be to blame for a refusal
LOST_SECONDS: Final = 5.0  # until whom to ask is looked up again, or a bug of ours is met again
STOP_SECONDS: Final = 2.0  # the thread may be waiting for room in an inbox that nobody empties


def open_source(settings: DatastoreSettings, resources: Iterable[str]) -> "EtcdSource":
    """Give the source of these resources; nothing is connected yet.

    Raises EndpointError for an endpoint that is none, KeyError for a resource that etcd has not.
    """
    for endpoint in settings.etcd.endpoints:
        endpoints.parse(endpoint)
    return EtcdSource(settings.etcd, [kinds.KINDS[resource] for resource in resources])


class EtcdSource:
    """Delivers the objects that are stored in etcd, and their changes."""

    def __init__(self, settings: EtcdSettings, wanted: Iterable[Kind]) -> None:
        """Note what to do; `start` does it."""
        self._settings = settings
        self._kinds = tuple(wanted)
        self._stopping = threading.Event()
        self._follower: _Follower | None = None
        self._thread: threading.Thread | None = None

    def start(self, inbox: ports.Inbox) -> None:
        """Begin to deliver; returns at once."""
        self._follower = _Follower(self._kinds, inbox, self._stopping)
        self._thread = threading.Thread(
            target=self._run, args=(self._follower,), name="etcd", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the stream and wait for the thread."""
        self._stopping.set()
        if self._follower is not None:
            self._follower.close()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _run(self, follower: "_Follower") -> None:
        """Follow one member after the other."""
        rotation: endpoints.Rotation | None = None
        all_failed = False
        while not self._stopping.is_set():
            pause = LOST_SECONDS
            try:
                if rotation is None:
                    rotation = endpoints.Rotation(self._members(), random.random)
                elif all_failed:
                    rotation.renew(self._members())
                follower.follow(Connection(rotation.current, self._settings), rotation)
            except (EtcdError, ProtobufError, discovery.DiscoveryError) as error:
                follower.tell_failure(error)
                pause = rotation.failed() if rotation else LOST_SECONDS
                all_failed = pause > 0
            except Exception as error:
                log.exception("the etcd source has failed")
                follower.tell_failure(error)
            self._stopping.wait(pause)

    def _members(self) -> list[endpoints.Endpoint]:
        """Return whom to ask; by DNS they are looked up anew when all that were known have failed.

        Raises DiscoveryError.
        """
        if self._settings.discovery_srv:
            return discovery.discover(self._settings.discovery_srv)
        return [endpoints.parse(url) for url in self._settings.endpoints]


class _Follower:
    """What is known so far, from whichever members, and the way to know more."""

    def __init__(
        self, wanted: tuple[Kind, ...], inbox: ports.Inbox, stopping: threading.Event
    ) -> None:
        self._kinds = wanted
        self._inbox = inbox
        self._stopping = stopping
        self._watches = Watches()
        self._reporting = Reporting()
        self._denied: dict[Kind, float] = {}  # until when it is left alone
        self._refusals: dict[Kind, str] = {}  # that the log has told
        self._obstacles = Obstacles()
        self._connection: Connection | None = None

    def close(self) -> None:
        """End what is going on, from another thread."""
        if self._connection is not None:
            self._connection.close()

    def tell_failure(self, error: Exception) -> None:
        """Say that nobody serves us at present."""
        if self._stopping.is_set():
            return
        if self._obstacles.is_to_be_said(str(error), time.monotonic()):
            log.warning("etcd does not serve us", extra={"error": str(error)})
        denied = isinstance(error, DeniedError)
        state = StreamState.FORBIDDEN if denied else StreamState.FAILING
        self._put(self._reporting.trouble(self._kinds, state, str(error), time.monotonic()))

    def follow(self, connection: Connection, rotation: endpoints.Rotation) -> None:
        """Follow one member until it fails us.  Raises EtcdError or ProtobufError."""
        self._connection = connection
        with connection:
            header = connection.page(init.INFORMATION_KEY, b"", limit=1).header
            if self._watches.meet(header):
                log.warning("etcd has another history: all is listed again")
            init.initialise(connection)
            while not self._stopping.is_set():
                for kind in self._due():
                    self._list(connection, kind)
                rotation.succeeded()
                if self._obstacles.clear():
                    log.info("etcd serves us again")
                with closing(connection.watch()) as stream:
                    self._listen(connection, stream)

    def _due(self) -> list[Kind]:
        """Return what is to be listed now."""
        now = time.monotonic()
        self._denied = {kind: until for kind, until in self._denied.items() if until > now}
        return [
            kind
            for kind in self._kinds
            if kind not in self._denied and not self._watches.is_listed(kind)
        ]

    def _list(self, connection: Connection, kind: Kind) -> None:
        """List a kind; from the beginning if its revision is compacted meanwhile."""
        while not self._watches.is_listed(kind):
            self._put(self._reporting.listing(kind, time.monotonic()))
            try:
                self._put(self._listed(connection, kind))
                self._refusals.pop(kind, None)
            except CompactedError:
                continue
            except DeniedError as error:
                self._deny(kind, str(error))
                return
        self._prove_alive(kind)

    def _listed(self, connection: Connection, kind: Kind) -> Iterator[ports.Event]:
        """Read all keys of a kind as of one revision, page by page."""
        start = kind.prefix.encode()
        end, revision, more = codec.end_of(start), 0, True
        while more:
            page = connection.page(start, end, limit=PAGE_KEYS, revision=revision)
            yield from kinds.listed(kind, page.entries, first=not revision)
            revision = revision or page.header.revision
            more = page.more and bool(page.entries)
            start = page.entries[-1].key + b"\0" if more else end
        self._watches.listed(kind, revision)
        yield ports.ListDone(kind.resource)

    def _listen(self, connection: Connection, stream: Stream) -> None:
        """Hear what a stream says, until it should be opened anew."""
        fresh_until = time.monotonic() + FRESH_SECONDS
        for request in self._watches.reopen():
            stream.send(request)
        for response in stream:
            match self._watches.take(response):
                case Heard(alive, events):
                    self._put(events)
                    self._prove_alive(*alive)
                case Compacted(kind):
                    self._list_again(connection, stream, kind)
                case Refused(kind, reason):
                    if time.monotonic() > fresh_until:
                        return  # its token may have expired: a new stream has a new one
                    self._deny(kind, reason)
            if self._has_to_end():
                return

    def _list_again(self, connection: Connection, stream: Stream, kind: Kind) -> None:
        self._list(connection, kind)
        if self._watches.is_listed(kind):
            stream.send(self._watches.request(kind))

    def _has_to_end(self) -> bool:
        """Tell whether the source stops, or a kind that was denied should be tried again."""
        denied_until = min(self._denied.values(), default=float("inf"))
        return self._stopping.is_set() or denied_until <= time.monotonic()

    def _deny(self, kind: Kind, error: str) -> None:
        now = time.monotonic()
        self._denied[kind] = now + DENIED_SECONDS
        if self._refusals.get(kind) != error:
            self._refusals[kind] = error
            log.warning("not allowed to read", extra={"prefix": kind.prefix, "error": error})
        self._put(self._reporting.trouble([kind], StreamState.FORBIDDEN, error, now))

    def _prove_alive(self, *alive: Kind) -> None:
        now = time.monotonic()
        for kind in alive:
            self._put(self._reporting.alive(kind, self._watches.revision(kind), now))

    def _put(self, events: Iterable[ports.Event]) -> None:
        for event in events:
            self._inbox.put(event)
