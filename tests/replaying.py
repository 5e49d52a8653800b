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

    def __init__(self, folder, syncer, reading):
        """Take the folder's lists in."""
        self.reading = reading
        self.rows = {}
        self.values = {}  # key -> (value, revision, v3 resource version)
        self.refused = {}  # (resource, identity) -> reason
        for feed in catalog.feeds(reading):
            if syncer in feed.syncers:
                tracker = ContestedTracker() if feed.contested else Tracker()
                self.rows.setdefault(feed.resource, []).append((feed, tracker))
        for resource, rows in self.rows.items():
            for obj in items(folder, resource):
                self._take(resource, obj, live=False)
            made = catalog.built_in(reading).get(resource)
            for feed, tracker in rows if made else ():
                self._send(tracker.take(made.name, feed.process(made)))

    def play(self, mutation):
        """Take a recorded change in; return what is sent for it, by key."""
        by_key = {}
        for path, event in mutation.events:
            resource = resource_of(path)
            if event["type"] == "DELETED":
                sent = self._remove(resource, event["object"])
            else:
                sent = self._take(resource, event["object"], live=True)
            for update in sent:
                by_key.setdefault(update.key, []).append(update)
        return by_key

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
        return self._send(outcomes)

    def _remove(self, resource, obj):
        self.refused.pop((resource, identity(obj)), None)
        rows = self.rows.get(resource, ())
        return self._send([o for _, tracker in rows for o in tracker.take(identity(obj), [])])

    def _send(self, outcomes):
        sent = []
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
            sent.append(Sent(key, value, revision, version, int(update_type)))
        return sent


def identity(obj):
    """Return what an object is known by."""
    metadata = obj["metadata"]
    return f"{metadata.get('namespace') or ''}/{metadata['name']}"


def differences(expected, found):
    """Return the keys of which two mappings do not say the same, with what each says."""
    return {
        key: (expected.get(key), found.get(key))
        for key in expected.keys() | found.keys()
        if expected.get(key) != found.get(key)
    }
