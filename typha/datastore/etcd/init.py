"""Writes what must be there before anything works, as the original does at start.

Every write is conditional on what was read, so many servers may start at once.
"""

import logging
import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import orjson

from typha.datastore import initial
from typha.datastore.etcd import codec
from typha.datastore.etcd.errors import DeniedError, ExhaustedError, UnreachableError
from typha.datastore.etcd.kinds import V3_PREFIX
from typha.model.resources import ApiGroup, JsonObject

log = logging.getLogger(__name__)

ATTEMPTS: Final = 10  # each fails only because somebody else has written in between
CLUSTER_TYPE: Final = "typha"
INFORMATION_KEY: Final = f"{V3_PREFIX}clusterinformations/{initial.CLUSTER_INFORMATION}".encode()


class Keys(Protocol):
    """What is needed of a connection."""

    def page(self, key: bytes, range_end: bytes, *, limit: int, revision: int = 0) -> codec.Page:
        """Read keys."""

    def put_unless_changed(self, key: bytes, value: bytes, mod_revision: int) -> bool:
        """Write a key that still has this revision (0: that does not exist); tell if it had."""


def initialise(keys: Keys) -> None:
    """Create the default ClusterInformation and tiers, complete the former if it is there.

    What is not allowed is left to others, with a warning, and so is all of it where there is no
    room: a full etcd refuses writes, even those whose condition does not hold, but can be read.
    Raises EtcdError for anything else.
    """
    try:
        _ensure_information(keys)
        for key, tier in _tiers():
            if not keys.page(key, b"", limit=1).entries:
                keys.put_unless_changed(key, orjson.dumps(tier), 0)
    except (DeniedError, ExhaustedError) as error:
        log.warning("the datastore cannot be prepared", extra={"error": str(error)})


def amended_spec(spec: JsonObject, guid: str) -> JsonObject:
    """Return the spec of a ClusterInformation with what it lacks; what it says stays."""
    stated = spec.get("clusterType")
    types = [part for part in stated.split(",") if part] if isinstance(stated, str) else []
    amended: dict[str, Any] = {**spec}
    if not spec.get("clusterGUID"):
        amended["clusterGUID"] = guid
    if CLUSTER_TYPE not in types:
        amended["clusterType"] = ",".join([*types, CLUSTER_TYPE])
    if spec.get("datastoreReady") is None:
        amended["datastoreReady"] = True
    return amended


def _ensure_information(keys: Keys) -> None:
    for _ in range(ATTEMPTS):
        entries = keys.page(INFORMATION_KEY, b"", limit=1).entries
        stored = _read(entries[0].value) if entries else _new("ClusterInformation")
        if stored is None:
            log.warning(
                "not completed: no ClusterInformation", extra={"key": INFORMATION_KEY.decode()}
            )
            return
        before = stored.get("spec") or {}
        spec = amended_spec(before, secrets.token_hex(16))
        if entries and spec == before:
            return
        value = orjson.dumps({**stored, "spec": spec})
        if keys.put_unless_changed(
            INFORMATION_KEY, value, entries[0].mod_revision if entries else 0
        ):
            return
    raise UnreachableError(f"{INFORMATION_KEY.decode()} changes faster than it can be amended")


def _read(value: bytes) -> JsonObject | None:
    """Give what is stored; None where there is nothing that could be completed."""
    try:
        stored = orjson.loads(value)
        orjson.dumps(stored)  # less deep than it may be read
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    is_one = isinstance(stored, dict) and isinstance(stored.get("spec"), dict | None)
    return stored if is_one else None


def _tiers() -> Iterator[tuple[bytes, JsonObject]]:
    for name, order, action in initial.TIERS:
        spec = {"order": order, "defaultAction": action}
        yield (
            f"{V3_PREFIX}tiers/{name}".encode(),
            {**_new("Tier", name), "spec": spec, "status": {}},
        )


def _new(kind: str, name: str = initial.CLUSTER_INFORMATION) -> JsonObject:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {"name": name, "uid": str(uuid.uuid4()), "creationTimestamp": now}
    return {"kind": kind, "apiVersion": ApiGroup.V3, "metadata": metadata}
