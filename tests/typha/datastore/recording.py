"""An inbox that keeps what a source delivers, and what stands after it."""

import threading
from collections.abc import Callable

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

PATIENCE_SECONDS = 90.0  # a loaded machine is slow


class Recording:
    """Keeps every event, and applies each as the pipeline does."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.events: list[Event] = []
        self.objects: dict[str, dict[tuple[str, str], dict]] = {}
        self.unseen: dict[str, set[tuple[str, str]]] = {}
        self.synced: set[str] = set()
        self.missing: set[str] = set()
        self.undecodable: dict[tuple[str, str, str], str] = {}
        self.reports: dict[str, StreamReport] = {}
        self._news = threading.Condition()

    def put(self, event: Event) -> None:
        """Take one event."""
        with self._news:
            self.events.append(event)
            self._apply(event)
            self._news.notify_all()

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until `condition` holds after some event."""
        with self._news:
            assert self._news.wait_for(condition, PATIENCE_SECONDS), self.describe()

    def wait_synced(self, *resources: str) -> None:
        """Wait until these resources are synced."""
        self.wait_for(lambda: self.synced.issuperset(resources))

    def names(self, resource: str) -> set[str]:
        """Give the names of the objects that stand."""
        with self._news:
            return {name for _, name in self.objects.get(resource, {})}

    def state(self, resource: str) -> str:
        """Give the state last reported of a resource's stream."""
        report = self.reports.get(resource)
        return report.state.value if report else ""

    def data_events(self) -> list[Event]:
        """Give all events but the reports."""
        with self._news:
            return [event for event in self.events if not isinstance(event, StreamReport)]

    def describe(self) -> str:
        """Say what is known, for a failed wait."""
        return f"synced {self.synced}, reports {list(self.reports.values())[-5:]}"

    def _apply(self, event: Event) -> None:
        match event:
            case Listed() | ListDone():
                self._list(event)
            case Changed():
                self._stand(event.resource, event.object)
            case Removed():
                self._remove(event)
            case Undecodable():
                self._forget(event)
            case ApiMissing():
                self.synced.add(event.resource)
                self.missing.add(event.resource)
            case StreamReport():
                self.reports[event.resource] = event

    def _list(self, event: Listed | ListDone) -> None:
        known = self.objects.setdefault(event.resource, {})
        if isinstance(event, ListDone):
            for gone in self.unseen.pop(event.resource, set()):
                known.pop(gone, None)
            self.synced.add(event.resource)
            self.missing.discard(event.resource)
            return
        if event.first:
            self.unseen[event.resource] = set(known)
        for value in event.objects:
            self._stand(event.resource, value)

    def _remove(self, event: Removed) -> None:
        self.objects.setdefault(event.resource, {}).pop((event.namespace, event.name), None)
        self.undecodable.pop((event.resource, event.namespace, event.name), None)

    def _stand(self, resource: str, value: dict) -> None:
        metadata = value["metadata"]
        identity = metadata.get("namespace", ""), metadata["name"]
        self.objects.setdefault(resource, {})[identity] = value
        self.unseen.get(resource, set()).discard(identity)
        self.undecodable.pop((resource, *identity), None)

    def _forget(self, event: Undecodable) -> None:
        identity = event.namespace, event.name
        self.objects.setdefault(event.resource, {}).pop(identity, None)
        self.undecodable[(event.resource, *identity)] = event.reason
