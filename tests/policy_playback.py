"""Recorded lists and events of the policy family, taken through reader, processor and filter."""

from collections.abc import Iterator
from typing import NamedTuple

from tests import golden_data
from typha import validation
from typha.model import encoding
from typha.model.resources import ConversionError, Reading
from typha.syncers import catalog

_CALICO = (
    *("networkpolicies", "globalnetworkpolicies", "stagednetworkpolicies"),
    *("stagedglobalnetworkpolicies", "stagedkubernetesnetworkpolicies", "tiers"),
    *("networksets", "globalnetworksets", "hostendpoints", "ippools"),
)
_RESOURCES = {f"{plural}.projectcalico.org" for plural in _CALICO} | {
    "networkpolicies.networking.k8s.io",
    "clusternetworkpolicies.policy.networking.k8s.io",
}
ROWS = {
    feed.resource: (feed.read, feed.process)
    for feed in catalog.feeds(Reading())
    if feed.resource in _RESOURCES
}
_PREFIXES = (
    *("/calico/v1/policy/NetworkPolicy/", "/calico/v1/policy/GlobalNetworkPolicy/"),
    *("/calico/v1/policy/Staged", "/calico/v1/policy/Kubernetes", "/calico/v1/policy/tier/"),
    *("/calico/v1/netset/", "/calico/v1/ipam/"),
)


class Held(NamedTuple):
    """What is sent under a key; `value` None is "no value"."""

    value: bytes | None
    revision: str


def is_ours(key: str) -> bool:
    """Tell whether a key is made from these resources."""
    return key.startswith(_PREFIXES) or (
        key.startswith("/calico/v1/host/") and key.split("/")[5] == "endpoint"
    )


class Playback:
    """The objects there are, and the keys they make; of several claimants the first has one."""

    def __init__(self, group: str) -> None:
        """Start with no objects, of a group."""
        self._reading = Reading(api_group=group)
        self._made: dict[tuple[str, str, str], dict[str, Held]] = {}
        self.refused: dict[str, str] = {}

    def load(self, lists: golden_data.Lists) -> None:
        """Take complete lists."""
        for path, response in lists.items():
            for obj in response["items"]:
                self.take(golden_data.resource_of(path), obj)

    def take(self, resource: str, obj: golden_data.Json, *, gone: bool = False) -> None:
        """Take an object as it is now."""
        if resource not in ROWS:
            return
        meta = obj["metadata"]
        identity = (resource, meta.get("namespace", ""), meta["name"])
        self._made.pop(identity, None)
        self.refused.pop(meta["name"], None)
        if gone:
            return
        try:
            self._made[identity] = dict(self._keys(resource, obj))
        except ConversionError as error:
            self.refused[meta["name"]] = str(error)

    def state(self) -> dict[str, Held]:
        """Return all keys."""
        state: dict[str, Held] = {}
        for _, made in sorted(self._made.items(), reverse=True):
            state |= made
        return state

    def _keys(self, resource: str, obj: golden_data.Json) -> Iterator[tuple[str, Held]]:
        read, process = ROWS[resource]
        read_as = read(obj, self._reading)
        for kv in process(read_as) if read_as else ():
            fit = validation.reason_unfit(kv.key, kv.value) is None
            yield kv.key, Held(encoding.encode(kv.value) if fit else None, kv.revision)
