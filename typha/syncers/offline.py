"""What clients would be told for a set of objects, without a server."""

from collections.abc import Mapping

from typha.datastore.ports import ListDone, Listed
from typha.journal import rendering
from typha.journal.store import Store
from typha.model.resources import JsonObject, Reading
from typha.syncers.catalogs import Catalog
from typha.syncers.intake import Intake, Refusal
from typha.syncproto import schema
from typha.syncproto.messages import Dialect, KVs, SerializedUpdate, SyncerType
from typha.syncproto.parsing import MessageReader


class Offline:
    """All syncers' state for objects that are given once."""

    def __init__(
        self, objects: Mapping[str, list[JsonObject]], rows: Catalog, reading: Reading
    ) -> None:
        """Take the objects by resource; resources that are missing count as empty."""
        self._intake = Intake(rows.feeds, reading, rows.built_in)
        self._stores = {syncer: Store() for syncer in SyncerType}
        for resource in self._intake.resources:
            page = Listed(resource, objects.get(resource, []), first=True)
            for event in (page, ListDone(resource)):
                for syncers, change in self._intake.take(event):
                    for syncer in syncers:
                        self._stores[syncer].apply(change)

    def refusals(self) -> list[Refusal]:
        """List what is left out, and why."""
        return self._intake.refusals()

    def updates(self, syncer: SyncerType, dialect: Dialect) -> list[SerializedUpdate]:
        """Give the snapshot of a syncer, sorted by key, as a client of a dialect decodes it."""
        keyed = sorted(rendering.rendered(self._stores[syncer].snapshot(), dialect))
        reader = MessageReader()
        reader.feed(schema.PREAMBLE + schema.kvs([element for _, element in keyed]))
        return [
            update
            for message in reader.messages()
            if isinstance(message, KVs)
            for update in message.updates
        ]
