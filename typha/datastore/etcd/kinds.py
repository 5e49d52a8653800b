"""Where each resource lives in etcd, and whose a key is.  Pure.

Resources of the v3 API are stored under their plural, one key an object; IPAM blocks and block
affinities under the v1 paths that clients know as well.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from typha.datastore import ports
from typha.datastore.etcd import codec
from typha.model.resources import JsonObject

GROUP_SUFFIX: Final = ".projectcalico.org"
V3_PREFIX: Final = "/calico/resources/v3/projectcalico.org/"

_GLOBAL: Final = (
    "bgpconfigurations",
    "bgpfilters",
    "bgppeers",
    "caliconodestatuses",
    "clusterinformations",
    "felixconfigurations",
    "globalnetworkpolicies",
    "globalnetworksets",
    "hostendpoints",
    "ippools",
    "nodes",
    "profiles",
    "stagedglobalnetworkpolicies",
    "tiers",
)
_NAMESPACED: Final = (
    "livemigrations",
    "networkpolicies",
    "networksets",
    "stagedkubernetesnetworkpolicies",
    "stagednetworkpolicies",
    "workloadendpoints",
)


class ForeignKeyError(Exception):
    """The key lies below a watched prefix but does not have the form of its kind's keys."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource: its prefix, which ends in a slash, and the segments that follow it.

    A segment is None where anything may stand, else the alternatives it is one of.
    """

    resource: str
    prefix: str
    segments: tuple[tuple[str, ...] | None, ...]
    namespaced: bool = False
    empty_is_object: bool = False  # an empty value stands for {}

    def identity(self, key: bytes) -> tuple[str, str]:
        """Return namespace and name, unique among the kind's keys.

        Raises ForeignKeyError, as keys that are no object of the kind are to be ignored.
        """
        parts = key[len(self.prefix) :].decode(errors="replace").split("/")
        if len(parts) != len(self.segments) or not all(map(_fits, parts, self.segments)):
            raise ForeignKeyError(key.decode(errors="replace"))
        return (parts[0], parts[1]) if self.namespaced else ("", "/".join(parts))

    def reading(self, entry: codec.Entry) -> JsonObject | ports.Undecodable:
        """Wrap a stored value; see `envelope`.

        Raises ForeignKeyError.
        """
        namespace, name = self.identity(entry.key)
        try:
            stored = b"{}" if self.empty_is_object and not entry.value else entry.value
            return envelope(namespace, name, entry.mod_revision, orjson.loads(stored))
        except orjson.JSONDecodeError as error:
            return ports.Undecodable(self.resource, namespace, name, f"not JSON: {error}")


def envelope(namespace: str, name: str, mod_revision: int, value: Any) -> JsonObject:
    """Return what a source delivers for a key: its identity, its revision, the value as stored.

    The metadata is the key's, not the stored object's: only the key says which object it is.
    """
    metadata = {"namespace": namespace, "name": name, "resourceVersion": str(mod_revision)}
    return {"metadata": metadata, "etcd": value}


def _fits(part: str, allowed: tuple[str, ...] | None) -> bool:
    return bool(part) if allowed is None else part in allowed


def _v3(plural: str, *, namespaced: bool = False) -> Kind:
    return Kind(
        resource=plural + GROUP_SUFFIX,
        prefix=f"{V3_PREFIX}{plural}/",
        segments=(None, None) if namespaced else (None,),
        namespaced=namespaced,
    )


_IP_VERSIONS: Final = ("ipv4", "ipv6")

BLOCKS: Final = Kind(
    resource="ipamblocks" + GROUP_SUFFIX,
    prefix="/calico/ipam/v2/assignment/",
    segments=(_IP_VERSIONS, ("block",), None),
)
AFFINITIES: Final = Kind(
    resource="blockaffinities" + GROUP_SUFFIX,
    prefix="/calico/ipam/v2/host/",
    segments=(None, _IP_VERSIONS, ("block",), None),
    empty_is_object=True,
)

KINDS: Final[dict[str, Kind]] = {
    kind.resource: kind
    for kind in (
        *map(_v3, _GLOBAL),
        *(_v3(plural, namespaced=True) for plural in _NAMESPACED),
        BLOCKS,
        AFFINITIES,
    )
}


def listed(
    kind: Kind, entries: Iterable[codec.Entry], *, first: bool
) -> Iterator[ports.Listed | ports.Undecodable]:
    """Give the events for one page of a list."""
    objects: list[JsonObject] = []
    undecodable: list[ports.Undecodable] = []
    for entry in entries:
        try:
            found = kind.reading(entry)
        except ForeignKeyError:
            continue
        if isinstance(found, ports.Undecodable):
            undecodable.append(found)
        else:
            objects.append(found)
    yield ports.Listed(kind.resource, objects, first)
    yield from undecodable


def changed(kind: Kind, change: codec.Change) -> Iterator[ports.Event]:
    """Give what a change of one key means; nothing for keys that are no object of the kind."""
    try:
        namespace, name = kind.identity(change.entry.key)
        if change.deleted:
            yield ports.Removed(kind.resource, namespace, name)
            return
        found = kind.reading(change.entry)
    except ForeignKeyError:
        return
    if isinstance(found, ports.Undecodable):
        yield found
    else:
        yield ports.Changed(kind.resource, found)
