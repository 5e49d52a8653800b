"""What the Go implementation was recorded doing, as values the tests compare with.

`tests/data/datastore/<folder>` holds, gzipped: the lists a real API server answered
(`objects*.json`), the watch events of scripted changes (`events.json`), what the real Typha of a
release told its clients at first and at the end (`expected-<release>.json`) and after each change
(`deltas-<release>.json`).  Folders: `crd` (Calico's resources in crd.projectcalico.org/v1),
`v3-crds` (in projectcalico.org/v3), `pod-cidr` (USE_POD_CIDR=true), `outage` (restart and
compaction).  `tests/data/vectors` holds unit vectors.
"""

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"

Json = Any
Lists = dict[str, dict[str, Json]]  # API path -> complete list response


@dataclass(frozen=True, slots=True)
class Sent:
    """One update as a client received it; `value` None is "no value"."""

    key: str
    value: bytes | None
    revision: str
    v3_resource_version: str
    update_type: int


@dataclass(frozen=True, slots=True)
class Mutation:
    """One scripted change and the watch events it caused, in order: (API path, raw event)."""

    number: int
    name: str
    what: str
    events: tuple[tuple[str, Json], ...]


def objects(folder: str, stage: str = "") -> Lists:
    """Return the saved lists; stage: "" at start, "final", or "after-01" (outage)."""
    return _gunzip(f"datastore/{folder}/objects{stage and '-' + stage}.json.gz")


def items(folder: str, resource: str, stage: str = "") -> list[Json]:
    """Return the objects of one resource, named as typha.datastore.ports names it."""
    for path, response in objects(folder, stage).items():
        if resource_of(path) == resource:
            return list(response["items"])
    return []


def snapshot(
    folder: str, syncer: str, release: str = "v3.32.1", *, final: bool = False
) -> dict[str, Sent]:
    """Return what a client of that release was sent first (or at the end), by key."""
    name = f"{syncer}.final" if final else syncer
    kvs = _gunzip(f"datastore/{folder}/expected-{release}.json.gz")[name]["kvs"]
    return {key: _sent(key, kv) for key, kv in kvs.items()}


def mutations(folder: str) -> list[Mutation]:
    """Return the scripted changes in order (none for `outage`)."""
    return [
        Mutation(
            mutation["number"],
            mutation["name"],
            mutation["what"],
            tuple((event["path"], event["event"]) for event in mutation["events"]),
        )
        for mutation in _gunzip(f"datastore/{folder}/events.json.gz")
    ]


def deltas(folder: str, syncer: str, release: str = "v3.32.1") -> dict[int, list[Sent]]:
    """Return what each change, by its number, made the real Typha send, in order."""
    return {
        entry["number"]: [_sent(kv["key"], kv) for kv in entry["syncers"].get(syncer, [])]
        for entry in _gunzip(f"datastore/{folder}/deltas-{release}.json.gz")
    }


def vectors(name: str) -> Json:
    """Return one file of unit vectors, such as "nets" or "expected-crdv1"."""
    packed = DATA / "vectors" / f"{name}.json.gz"
    if packed.exists():
        return _gunzip(f"vectors/{name}.json.gz")
    return json.loads((DATA / "vectors" / f"{name}.json").read_bytes())


def resource_of(path: str) -> str:
    """Name the resource that an API path serves: `pods`, `tiers.projectcalico.org`."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        return parts[2]
    group = "projectcalico.org" if parts[1] == "crd.projectcalico.org" else parts[1]
    return f"{parts[3]}.{group}"


def _sent(key: str, kv: Json) -> Sent:
    value = kv["value"]
    return Sent(
        key,
        None if value is None else value.encode(),
        kv["revision"],
        kv["v3_resource_version"],
        kv["update_type"],
    )


@cache
def _unpacked(name: str) -> bytes:
    return gzip.decompress((DATA / name).read_bytes())


def _gunzip(name: str) -> Json:
    """Decode anew each time, so that no test sees what another changed."""
    return json.loads(_unpacked(name))
