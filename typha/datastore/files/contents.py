"""All files of a folder together: which object stands, and what an API server would have added.

Pure; the folder reads the files and passes on what differs.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from typha.datastore import initial
from typha.datastore.files.manifests import Found, Identity, Manifest, Problem
from typha.model.resources import ApiGroup, JsonObject

# The name space of the UIDs of objects that have none; any fixed value serves.
_UID_SPACE: Final = uuid.UUID("3f0e8a52-6d6e-5b0e-9a3c-6f1d7c2b9e41")
_NAME_LABEL: Final = "kubernetes.io/metadata.name"  # every API server sets it


@dataclass(frozen=True, slots=True)
class Difference:
    """What one reading changed."""

    changed: tuple[tuple[Identity, JsonObject], ...]
    removed: tuple[Identity, ...]


@dataclass(slots=True)
class Contents:
    """The files as last read, and the objects that stand for them."""

    made_up: tuple[Found, ...] = ()  # objects that stand while no file has them
    files: dict[str, Manifest] = field(default_factory=dict)
    objects: dict[Identity, JsonObject] = field(default_factory=dict)  # as handed on
    revision: int = 1  # that of what was there at start
    settled: bool = False  # whether there was a first reading
    _sources: dict[Identity, JsonObject] = field(default_factory=dict)  # as the files have them

    def put(self, path: str, manifest: Manifest) -> None:
        """Take a file as it now is; what a broken part may have held is kept from before."""
        if not manifest.whole and (before := self.files.get(path)):
            now = {found.identity for found in manifest.found}
            kept = tuple(found for found in before.found if found.identity not in now)
            manifest = replace(manifest, found=(*kept, *manifest.found))
        self.files[path] = manifest

    def fail(self, problem: Problem) -> None:
        """Note that a file cannot be read at all; its last objects stay."""
        before = self.files.get(problem.path, Manifest())
        self.files[problem.path] = replace(before, problems=(problem,), whole=False)

    def drop(self, path: str) -> None:
        """Forget a file that is gone."""
        self.files.pop(path, None)

    def settle(self) -> Difference:
        """Bring the objects up to date with the files; say what that changed."""
        standing = {found.identity: found.object for found in self._standing()}
        changed = [
            (identity, source)
            for identity, source in standing.items()
            if self._sources.get(identity) != source
        ]
        removed = [identity for identity in self._sources if identity not in standing]
        results = []
        for identity, source in changed:
            self.revision += self.settled
            completed = self._complete(identity, source)
            self.objects[identity] = completed
            results.append((identity, completed))
        for identity in removed:
            del self.objects[identity]
        self._sources, self.settled = standing, True
        return Difference(tuple(results), tuple(removed))

    def duplicates(self) -> Iterator[Problem]:
        """Name every object that a later file, or a later place, has again."""
        seen: dict[Identity, str] = {}
        for path, found in self._placed():
            here = f"{path}:{found.line}"
            if (there := seen.get(found.identity)) is not None:
                reason = f"{found.identity.text} is also in {there}; this one is taken"
                yield Problem(path, found.line, reason)
            seen[found.identity] = here

    def problems(self) -> tuple[Problem, ...]:
        """Give what is wrong with the files now, by name of the file."""
        return tuple(
            problem for _, manifest in sorted(self.files.items()) for problem in manifest.problems
        )

    def _standing(self) -> Iterator[Found]:
        yield from self.made_up
        for _, found in self._placed():
            yield found

    def _placed(self) -> Iterator[tuple[str, Found]]:
        for path, manifest in sorted(self.files.items()):
            for found in manifest.found:
                yield path, found

    def _complete(self, identity: Identity, source: JsonObject) -> JsonObject:
        """Add what an API server would have; `source` itself stays as it is."""
        metadata = dict(source["metadata"])
        if identity.namespace:
            metadata["namespace"] = identity.namespace
        if not metadata.get("uid"):
            metadata["uid"] = _uid(source["kind"], identity)
        metadata["resourceVersion"] = self._revision(identity, metadata.get("resourceVersion"))
        metadata.setdefault("creationTimestamp", None)
        if identity.resource == "namespaces":
            metadata["labels"] = _named(metadata.get("labels"), identity.name)
        return {**source, "metadata": metadata}

    def _revision(self, identity: Identity, stated: object) -> str:
        """Give the stated one, unless the object changed and the statement did not."""
        before = self.objects.get(identity)
        if stated and (before is None or before["metadata"]["resourceVersion"] != str(stated)):
            return str(stated)
        return str(self.revision)


def _uid(kind: str, identity: Identity) -> str:
    return str(uuid.uuid5(_UID_SPACE, f"{kind}/{identity.namespace}/{identity.name}"))


def _named(labels: object, name: str) -> object:
    if labels is None or isinstance(labels, dict):
        return {**(labels or {}), _NAME_LABEL: name}
    return labels  # malformed: the reader of namespaces says so


def initial_objects(where: str) -> tuple[Found, ...]:
    """Make what the original writes into an empty datastore; `where` tells clusters apart."""
    guid = uuid.uuid5(_UID_SPACE, where).hex
    information = {
        "clusterGUID": guid,
        "clusterType": ",".join(initial.CLUSTER_TYPES),
        "datastoreReady": True,
    }
    return (
        _made_up(
            "ClusterInformation", "clusterinformations", initial.CLUSTER_INFORMATION, information
        ),
        *(
            _made_up("Tier", "tiers", name, {"order": order, "defaultAction": action})
            for name, order, action in initial.TIERS
        ),
    )


def _made_up(kind: str, plural: str, name: str, spec: JsonObject) -> Found:
    value = {
        "apiVersion": ApiGroup.V3,
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
    return Found(Identity(f"{plural}.projectcalico.org", "", name), value, 0)


def by_resource(
    objects: Mapping[Identity, JsonObject], resources: Iterable[str]
) -> dict[str, list[JsonObject]]:
    """Sort objects under the resources that are asked for."""
    sorted_out: dict[str, list[JsonObject]] = {resource: [] for resource in resources}
    for identity, value in objects.items():
        if identity.resource in sorted_out:
            sorted_out[identity.resource].append(value)
    return sorted_out
