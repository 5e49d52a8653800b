"""Recorded lists and watch events, taken through a syncer's rows of the catalog to its keys.

What is sent is decided by the same rules as in the server: a key's value again as it was is not
sent, a deletion is, and so is a value that is unfit.
"""

from dataclasses import replace

from tests.golden_data import Sent, items, resource_of
from typha import validation
from typha.model import encoding
from typha.model.resources import ConversionError
from typha.syncers import catalog
from typha.syncers.tracker import ContestedTracker, Tracker


class Replay:
    """One syncer's keys, and what clients would have been sent."""

    def __init__(self, syncer, reading):
        """Start with what no datastore lists."""
        self.reading = reading
        self.rows = {}
        self.values = {}  # key -> (value, revision, v3 resource version)
        self.refused = {}  # (resource, identity) -> reason
        self.sent = []
        for feed in catalog.feeds(reading):
            if syncer in feed.syncers:
                tracker = ContestedTracker() if feed.contested else Tracker()
                self.rows.setdefault(feed.resource, []).append((feed, tracker))
        for resource, made in catalog.built_in(reading).items():
            for feed, tracker in self.rows.get(resource, ()):
                self._send(tracker.take(made.name, feed.process(made)))

    @classmethod
    def of(cls, folder, syncer, reading):
        """Take the lists of a recorded folder in."""
        replay = cls(syncer, reading)
        for resource in replay.rows:
            replay.list(resource, items(folder, resource))
        return replay

    def list(self, resource, objects):
        """Take a list's objects in."""
        for obj in objects:
            self._take(resource, obj, live=False)

    def event(self, resource, event):
        """Take a watch event in."""
        if event["type"] == "DELETED":
            self._remove(resource, event["object"])
        elif event["type"] in {"ADDED", "MODIFIED"}:
            self._take(resource, event["object"], live=True)

    def play(self, mutation):
        """Take a recorded change in; return what is sent for it, by key."""
        already = len(self.sent)
        for path, event in mutation.events:
            self.event(resource_of(path), event)
        return by_key(self.sent[already:])

    def _take(self, resource, obj, *, live):
        reading = replace(self.reading, live=live)
        outcomes = []
        for feed, tracker in self.rows.get(resource, ()):
            try:
                read = feed.read(obj, reading)
                kvs = [] if read is None else feed.process(read)
                self.refused.pop((resource, identity(obj)), None)
            except ConversionError as error:
                self.refused[resource, identity(obj)] = str(error)
                kvs = []
            outcomes += tracker.take(identity(obj), kvs)
        self._send(outcomes)

    def _remove(self, resource, obj):
        self.refused.pop((resource, identity(obj)), None)
        rows = self.rows.get(resource, ())
        self._send([o for _, tracker in rows for o in tracker.take(identity(obj), [])])

    def _send(self, outcomes):
        for key, kv, update_type in outcomes:
            value, revision, version = None, "", ""
            if kv is not None:
                revision = kv.revision
                if validation.reason_unfit(key, kv.value) is None:
                    raw = isinstance(kv.value, bytes)
                    value = kv.value if raw else encoding.encode(kv.value)
                    version = kv.v3_resource_version
            if value is None:
                self.values.pop(key, None)
            elif self.values.get(key, (None,))[0] == value:
                continue
            else:
                self.values[key] = (value, revision, version)
            self.sent.append(Sent(key, value, revision, version, int(update_type)))


def identity(obj):
    """Return what an object is known by."""
    metadata = obj["metadata"]
    return f"{metadata.get('namespace') or ''}/{metadata['name']}"


def by_key(updates):
    """Group updates; between keys the order is not fixed."""
    grouped = {}
    for update in updates:
        grouped.setdefault(update.key, []).append(update)
    return grouped


def differences(expected, found):
    """Return the keys of which two mappings do not say the same, with what each says."""
    return {
        key: (expected.get(key), found.get(key))
        for key in expected.keys() | found.keys()
        if expected.get(key) != found.get(key)
    }
