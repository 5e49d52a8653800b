"""From a datastore's events to encoded changes of keys, for all syncers at once.

One bad object harms only itself: what cannot be read, converted or sent is left out, remembered
with its reason, and comes back when it is mended.  Knows no store, no frames and no datastore.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple, assert_never

from typha import validation
from typha.datastore.k8s import interest
from typha.datastore.ports import (
    ApiMissing,
    Changed,
    Event,
    ListDone,
    Listed,
    Removed,
    StreamReport,
    Undecodable,
)
from typha.journal import store
from typha.model import encoding
from typha.model.resources import ConversionError, JsonObject, Reading, Resource
from typha.syncers.catalog import Feed
from typha.syncers.tracker import ContestedTracker, Outcome, Tracker, Tracking
from typha.syncproto.messages import SyncerType, SyncStatus

log = logging.getLogger(__name__)

# What a bug of ours, or an object that nobody thought of, may raise: only that object suffers.
UNFORESEEN: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

Syncers = frozenset[SyncerType]


class Addressed(NamedTuple):
    """A change, and the syncers that it is for."""

    syncers: Syncers
    change: store.Change


class Refusal(NamedTuple):
    """Why an object, or one key of it, is not sent."""

    resource: str
    name: str
    reason: str


class _Channel:
    """The feeds of one resource, with what is remembered of its objects."""

    def __init__(self, feeds: Iterable[Feed]) -> None:
        self.feeds: list[tuple[Feed, Tracking]] = [
            (feed, ContestedTracker() if feed.contested else Tracker()) for feed in feeds
        ]
        self.syncers: Syncers = frozenset().union(*(feed.syncers for feed, _ in self.feeds))
        (self.read,) = {feed.read for feed, _ in self.feeds}  # once, whatever is made of it
        self.revisions: dict[str, str] = {}  # of the objects that were converted as they are
        self.fingerprints: dict[str, int] = {}  # of objects that have changed before
        self.unseen: set[str] = set()
        self.refused: dict[str, Refusal] = {}  # objects that could not be converted
        self.unfit: dict[str, Refusal] = {}  # keys whose value must not be sent

    def begin(self) -> None:
        """Mark all objects as unseen: a complete list follows."""
        self.unseen = {*self.revisions, *self.refused}
        for _, tracker in self.feeds:
            tracker.begin()

    def is_as_it_was(self, identity: str, revision: str) -> bool:
        """Tell whether a listed object need not be converted again, and note that it is there."""
        if not revision or self.revisions.get(identity) != revision:
            return False
        self.unseen.discard(identity)
        for _, tracker in self.feeds:
            tracker.see(identity)
        return True

    def is_of_no_interest(self, identity: str, fingerprint: int | None) -> bool:
        """Tell whether a change cannot matter to anybody; remembers the fingerprint."""
        known = self.fingerprints.get(identity)
        if fingerprint is None:
            self.fingerprints.pop(identity, None)
            return False
        self.fingerprints[identity] = fingerprint
        return fingerprint == known and identity in self.revisions

    def forget(self, identity: str) -> None:
        """Know nothing of an object any more."""
        self.revisions.pop(identity, None)
        self.fingerprints.pop(identity, None)
        self.refused.pop(identity, None)

    def forget_unseen(self) -> None:
        """End a complete list."""
        for identity in self.unseen:
            self.forget(identity)
        self.unseen = set()


class Intake:
    """Every feed of every syncer."""

    def __init__(
        self, feeds: Iterable[Feed], reading: Reading, built_in: Mapping[str, Resource]
    ) -> None:
        """Take the catalog; `built_in` adds to a resource's list what no datastore lists."""
        by_resource: dict[str, list[Feed]] = {}
        for feed in feeds:
            by_resource.setdefault(feed.resource, []).append(feed)
        self._channels = {name: _Channel(rows) for name, rows in by_resource.items()}
        self._listing = replace(reading, live=False)
        self._watching = replace(reading, live=True)
        self._built_in = built_in
        self.resources_of = {
            syncer: frozenset(name for name, rows in by_resource.items() if _serve(rows, syncer))
            for syncer in SyncerType
        }
        self._waiting = {syncer: set(names) for syncer, names in self.resources_of.items()}
        self._started: set[SyncerType] = set()
        self.unchanged: Counter[str] = Counter()  # objects that need no conversion, by resource

    @property
    def resources(self) -> list[str]:
        """Name the resources to be listed and watched."""
        return list(self._channels)

    def status(self, syncer: SyncerType) -> SyncStatus:
        """Tell how complete a syncer is: in sync once each of its resources was listed."""
        if not self._waiting[syncer]:
            return SyncStatus.IN_SYNC
        return SyncStatus.RESYNC if syncer in self._started else SyncStatus.WAIT_FOR_READY

    def refusals(self) -> list[Refusal]:
        """List what is left out at present, and why."""
        channels = self._channels.values()
        return [r for c in channels for r in (*c.refused.values(), *c.unfit.values())]

    def take(self, event: Event) -> Iterator[Addressed]:
        """Work one event in, as the result is read; never raises for what an object holds."""
        channel = self._channels.get(event.resource)
        if channel is None or isinstance(event, StreamReport):
            return
        self._started |= channel.syncers
        match event:
            case Changed():
                yield from self._take_object(channel, event.resource, event.object, live=True)
            case Listed():
                yield from self._take_page(channel, event)
            case ListDone():
                yield from self._finish(channel, event.resource)
            case ApiMissing():
                self._mark_synced(event.resource)
            case Removed() | Undecodable():
                yield from self._lose(channel, event)
            case _:
                assert_never(event)

    def _take_page(self, channel: _Channel, page: Listed) -> Iterator[Addressed]:
        if page.first:
            channel.begin()
        for item in page.objects:
            yield from self._take_object(channel, page.resource, item, live=False)

    def _finish(self, channel: _Channel, resource: str) -> Iterator[Addressed]:
        made = self._built_in.get(resource)
        for feed, tracker in channel.feeds:
            if made is not None:
                kvs = feed.process(made)
                yield from _address(channel, feed, tracker.take(made.name, kvs))
            yield from _address(channel, feed, tracker.finish())
        channel.forget_unseen()
        self._mark_synced(resource)

    def _mark_synced(self, resource: str) -> None:
        for waiting in self._waiting.values():
            waiting.discard(resource)

    def _take_object(
        self, channel: _Channel, resource: str, item: JsonObject, *, live: bool
    ) -> Iterator[Addressed]:
        identity, revision = _identify(item)
        if live:
            is_old_news = channel.is_of_no_interest(identity, interest.fingerprint(resource, item))
        else:
            is_old_news = channel.is_as_it_was(identity, revision)
        if is_old_news:
            self.unchanged[resource] += 1
            return
        try:
            read = channel.read(item, self._watching if live else self._listing)
            made = [[] if read is None else feed.process(read) for feed, _ in channel.feeds]
        except ConversionError as error:
            yield from self._refuse(channel, resource, identity, str(error))
            return
        except UNFORESEEN as error:
            log.exception("unforeseen object", extra={"resource": resource, "object": identity})
            yield from self._refuse(
                channel, resource, identity, f"{type(error).__name__}: {error}"
            )
            return
        channel.refused.pop(identity, None)
        channel.unseen.discard(identity)
        if not live:
            channel.fingerprints.pop(identity, None)  # it was that of a former state
        if revision:
            channel.revisions[identity] = revision
        for (feed, tracker), kvs in zip(channel.feeds, made, strict=True):
            yield from _address(channel, feed, tracker.take(identity, kvs))

    def _lose(self, channel: _Channel, event: Removed | Undecodable) -> Iterator[Addressed]:
        identity = f"{event.namespace}/{event.name}"
        if isinstance(event, Undecodable):
            yield from self._refuse(channel, event.resource, identity, event.reason)
        else:
            yield from self._remove(channel, identity)

    def _remove(self, channel: _Channel, identity: str) -> Iterator[Addressed]:
        channel.forget(identity)
        for feed, tracker in channel.feeds:
            yield from _address(channel, feed, tracker.take(identity, []))

    def _refuse(
        self, channel: _Channel, resource: str, identity: str, reason: str
    ) -> Iterator[Addressed]:
        yield from self._remove(channel, identity)
        refusal = Refusal(resource, identity.removeprefix("/"), reason)
        channel.refused[identity] = refusal
        channel.unseen.discard(identity)
        log.warning(
            "object left out",
            extra={"resource": resource, "object": refusal.name, "reason": reason},
        )


def _address(channel: _Channel, feed: Feed, outcomes: list[Outcome]) -> Iterator[Addressed]:
    for outcome in outcomes:
        yield Addressed(feed.syncers, _encode(channel, feed.resource, outcome))


def _encode(channel: _Channel, resource: str, outcome: Outcome) -> store.Change:
    key, kv, update_type = outcome
    if channel.unfit:
        channel.unfit.pop(key, None)
    if kv is None:
        return store.absent(key, update_type)
    try:
        reason = validation.reason_unfit(key, kv.value)
        if reason is None:
            value = kv.value if isinstance(kv.value, bytes) else encoding.encode(kv.value)
            return store.present((key, value, kv.revision, kv.v3_resource_version), update_type)
    except UNFORESEEN as error:  # such as a value nested deeper than JSON can be written
        log.exception("unforeseen value", extra={"resource": resource, "key": key})
        reason = f"{type(error).__name__}: {error}"
    channel.unfit[key] = Refusal(resource, key, reason)
    return store.absent(key, update_type, kv.revision)


def _serve(feeds: Iterable[Feed], syncer: SyncerType) -> bool:
    return any(syncer in feed.syncers for feed in feeds)


def _identify(item: JsonObject) -> tuple[str, str]:
    metadata = item.get("metadata")
    if not isinstance(metadata, dict):
        return "/", ""
    identity = f"{metadata.get('namespace') or ''}/{metadata.get('name') or ''}"
    return identity, str(metadata.get("resourceVersion") or "")
