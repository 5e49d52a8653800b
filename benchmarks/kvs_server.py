"""The real server with the datastore taken off: `python -m benchmarks.kvs_server COUNT SEED PATH`.

Starts what `typha serve` starts, with one feed in place of the catalog, whose updates are ready to
be sent, and with a source that makes them in the watcher.  It obeys orders on a Unix socket, as
the benchmarks' API server does on standard input.
"""

import json
import socket
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.children import ChildError
from benchmarks.cluster import Cluster
from benchmarks.load import Load
from benchmarks.objects import READY
from typha.commands import serve
from typha.config.settings import DatastoreSettings
from typha.datastore import opening
from typha.datastore.ports import Changed, Inbox, ListDone, Listed
from typha.model.resources import KV, JsonObject, Reading, Resource
from typha.syncers import catalog
from typha.syncers.catalog import Feed
from typha.syncproto.messages import SyncerType

RESOURCE: Final = "ready.benchmarks.invalid"
PAGE: Final = 500


def read(item: JsonObject, _: Reading) -> Resource:
    """Take an update as it is."""
    metadata = item["metadata"]
    return Resource("Ready", "", metadata["name"], metadata["resourceVersion"], item)


def process(resource: Resource) -> list[KV]:
    """Make the key and its value, spelt already."""
    number, changed = resource.value["number"], resource.value["changed"]
    return [KV(READY.key(number), READY.value(number, changed), resource.revision)]


class FedSource:
    """A datastore that is nothing but a list of updates to come."""

    def __init__(self, cluster: Cluster, seed: int, path: Path) -> None:
        self._cluster = cluster
        self._load = Load(cluster, seed)
        self._path = path

    def start(self, inbox: Inbox) -> None:
        """Begin to deliver, and to take orders."""
        threading.Thread(target=self._deliver, args=(inbox,), daemon=True).start()
        threading.Thread(target=self._obey, daemon=True).start()

    def stop(self) -> None:
        """Do nothing: the threads end with the process."""

    def _deliver(self, inbox: Inbox) -> None:
        start: int | None = 0
        while start is not None:
            page = self._cluster.page(start, PAGE)
            text = b"[" + b"".join(page.pieces) + b"]"
            inbox.put(Listed(RESOURCE, orjson.loads(text), first=start == 0))
            start, at = page.following, page.revision
        inbox.put(ListDone(RESOURCE))
        while True:
            with self._cluster.changed:
                while self._cluster.revision == at:
                    self._cluster.changed.wait()
                at, changes = self._cluster.since(at)
            for change in changes:
                inbox.put(Changed(RESOURCE, orjson.loads(change.line)["object"]))

    def _obey(self) -> None:
        self._path.unlink(missing_ok=True)
        verbs = self._load.verbs()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._path))
            listener.listen()
            while True:
                connection, _ = listener.accept()
                with connection, connection.makefile("rwb") as lines:
                    for line in lines:
                        order = json.loads(line)
                        lines.write(orjson.dumps(verbs[order.pop("do")](**order)) + b"\n")
                        lines.flush()


class Feeder:
    """The other end of the socket, with the manners of a child process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, do: str, **given: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer.  Raises ChildError if none comes."""
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(self._path))
            except OSError as error:
                raise ChildError(f"the watcher is gone: cannot ask it to {do}") from error
            connection.sendall(json.dumps({"do": do, **given}).encode() + b"\n")
            with connection.makefile("rb") as lines:
                if line := lines.readline():
                    answer: dict[str, Any] = json.loads(line)
                    return answer
        raise ChildError(f"the watcher ended before it did {do}")


def main() -> int:
    """Serve as `typha serve` does, with what the environment says."""
    count, seed, path = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    row = Feed(resource=RESOURCE, read=read, process=process, syncers=frozenset(SyncerType))

    def feeds(reading: Reading) -> tuple[Feed, ...]:
        del reading
        return (row,)

    def open_source(settings: DatastoreSettings, resources: Iterable[str]) -> FedSource:
        del settings, resources
        return FedSource(Cluster(READY, count), seed, path)

    # The watcher is forked from here and asks these two modules, by these names.
    catalog.feeds, opening.open_source = feeds, open_source
    return serve.run(str(path.with_suffix(".none")))  # which does not exist, and need not


if __name__ == "__main__":
    sys.exit(main())
