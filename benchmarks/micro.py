"""What each step of an update's way costs by itself: python -m benchmarks.micro.

In one process, without sockets; CPU microseconds per object, best of a few rounds.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
import orjson

from benchmarks import gobheads
from benchmarks.objects import FAMILIES, NEVER, Family
from benchmarks.report import align
from typha import validation
from typha.journal import snapshot, store
from typha.model import encoding
from typha.model.resources import KV, Reading
from typha.syncers import catalog
from typha.syncers.catalog import Feed
from typha.syncproto import frames, schema, snappy
from typha.syncproto.client import ClientSession
from typha.syncproto.frames import Topic
from typha.syncproto.messages import ClientHello, Codec, Dialect, SyncerType, UpdateType

RESOURCES: Final = {
    "policies": "globalnetworkpolicies.projectcalico.org",
    "pods": "pods",
    "large-pods": "pods",
}
TOPIC: Final = Topic(SyncerType.FELIX, Dialect.MODERN, Codec.SNAPPY)
BATCHES: Final = (1, 20, 1000)  # KVs in a frame: a calm cluster, a busy one, a burst
Measured = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """One step: CPU microseconds per object, and how many bytes come out of it per object."""

    family: str
    step: str
    us: float
    bytes_out: int = 0


def best(work: Measured, count: int, rounds: int = 5) -> float:
    """Return CPU microseconds per object of the fastest of several rounds."""
    least = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        work()
        least = min(least, time.process_time() - begun)
    return least / count * 1e6


def feed_of(family: Family) -> Feed:
    """Return the row of the catalog that makes keys of a family's objects for Felix."""
    rows = catalog.feeds(Reading())
    return next(row for row in rows if row.resource == RESOURCES[family.name])


def conversion(family: Family, count: int) -> tuple[list[Cost], list[bytes]]:
    """Measure the way from the API server's bytes to encoded elements."""
    feed, reading, name = feed_of(family), Reading(), family.name
    texts = [family.spell(number, number + 1, NEVER) for number in range(count)]
    objects = [orjson.loads(text) for text in texts]
    resources = [feed.read(given, reading) for given in objects]
    kvs: list[KV] = [feed.process(resource)[0] for resource in resources if resource]
    values = [encoding.encode(kv.value) for kv in kvs if isinstance(kv.value, dict)]
    facts = [(kv.key, value, kv.revision, "") for kv, value in zip(kvs, values, strict=True)]
    changes = [store.present(fact, UpdateType.UPDATED) for fact in facts]
    elements = [change.element for change in changes]

    def keep() -> None:
        kept = store.Store()
        for change in changes:
            kept.apply(change)

    steps: Sequence[tuple[str, Measured, Sequence[bytes]]] = (
        ("parse JSON (orjson)", lambda: [orjson.loads(text) for text in texts], texts),
        ("read", lambda: [feed.read(given, reading) for given in objects], ()),
        ("process", lambda: [feed.process(one) for one in resources if one], ()),
        ("validate", lambda: [validation.reason_unfit(kv.key, kv.value) for kv in kvs], ()),
        ("encode value", lambda: [encoding.encode(kv.value) for kv in kvs], values),
        (
            "encode element (gob)",
            lambda: [store.present(fact, UpdateType.UPDATED) for fact in facts],
            elements,
        ),
        ("keep in the store", keep, ()),
    )
    costs = [
        Cost(name, step, best(work, count), sum(map(len, out)) // count)
        for step, work, out in steps
    ]
    return costs, elements


def framing(family: Family, elements: list[bytes]) -> list[Cost]:
    """Measure the way from elements to what is sent, and back."""
    name, count = family.name, len(elements)
    costs = []
    for size in BATCHES:
        batches = [elements[at : at + size] for at in range(0, count, size)]
        joined = [schema.kvs(batch) for batch in batches]
        packed = [snappy.compress(message) for message in joined]
        out = sum(map(len, packed)) // count
        for step, work in (
            ("join", lambda b=batches: [schema.kvs(batch) for batch in b]),
            ("snappy", lambda j=joined: [snappy.compress(message) for message in j]),
            ("frame", lambda b=batches: [frames.deltas(x, None, Codec.SNAPPY) for x in b]),
        ):
            costs.append(Cost(name, f"{step}, {size} KVs", best(work, count), out))
    costs.append(Cost(name, "decode as a client (gob)", best(lambda: decode(elements), count, 2)))
    count_heads = best(lambda: gobheads.walk(gobheads.Place(), schema.kvs(elements)), count)
    costs.append(Cost(name, "count heads (the swarm)", count_heads))
    return [*costs, snapshot_cost(family, elements)]


def decode(elements: list[bytes]) -> None:
    """Decode everything as a client does."""
    session = ClientSession(ClientHello())
    session.receive(schema.PREAMBLE + schema.server_hello("", SyncerType.FELIX, 1))
    session.receive(frames.deltas(elements, None, Codec.PLAIN))


def snapshot_cost(family: Family, elements: list[bytes]) -> Cost:
    """Measure writing a snapshot file."""
    kept = store.Store()
    for number, element in enumerate(elements):
        kept.restore(family.key(number), element, number + 1, alive=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "snapshot"

        def write() -> None:
            snapshot.write(path, kept, TOPIC, frames.LARGEST_BATCH)

        cost = best(write, len(elements))
        return Cost(family.name, "write a snapshot", cost, path.stat().st_size // len(elements))


def measure(names: Sequence[str], count: int) -> list[Cost]:
    """Measure everything for these families of objects."""
    found = []
    for name in names:
        costs, elements = conversion(FAMILIES[name], count)
        found += [*costs, *framing(FAMILIES[name], elements)]
    return found


@click.command(help=__doc__)
@click.option("--family", "names", multiple=True, type=click.Choice(sorted(RESOURCES)))
@click.option("--count", default=5_000, show_default=True, help="Objects.")
@click.option("--format", "layout", type=click.Choice(["text", "json"]), default="text")
def main(names: tuple[str, ...], count: int, layout: str) -> None:
    """Measure and print."""
    costs = measure(names or sorted(RESOURCES), count)
    if layout == "json":
        for cost in costs:
            figures: dict[str, Any] = asdict(cost)
            click.echo(json.dumps(figures | {"us": round(cost.us, 3)}))
        return
    cells = [["step", "objects", "us each", "bytes each"]]
    cells += [[c.step, c.family, f"{c.us:.2f}", str(c.bytes_out or "-")] for c in costs]
    click.echo(align(cells))


if __name__ == "__main__":
    main()
