"""Recorded lists and events of the policy family, taken through reader, processor and filter."""

from collections.abc import Iterator
from typing import NamedTuple

from tests import golden_data
from typha import validation
from typha.datastore.k8s import cluster_policies, custom, policies
from typha.model import encoding
from typha.model.resources import ConversionError, Processor, Reader, Reading
from typha.processors import (
    host_endpoints,
    ip_pools,
    network_sets,
    policies as policy_keys,
    tiers,
)

_CALICO_POLICIES = {
    "globalnetworkpolicies": "GlobalNetworkPolicy",
    "stagedglobalnetworkpolicies": "StagedGlobalNetworkPolicy",
    "networkpolicies": "NetworkPolicy",
    "stagednetworkpolicies": "StagedNetworkPolicy",
    "stagedkubernetesnetworkpolicies": "StagedKubernetesNetworkPolicy",
}
ROWS: dict[str, tuple[Reader, Processor]] = {
    **{
        f"{plural}.projectcalico.org": (custom.processed(kind), policy_keys.process)
        for plural, kind in _CALICO_POLICIES.items()
    },
    "networkpolicies.networking.k8s.io": (policies.read, policy_keys.process),
    "clusternetworkpolicies.policy.networking.k8s.io": (
        cluster_policies.read,
        policy_keys.process,
    ),
    "tiers.projectcalico.org": (custom.processed("Tier", custom.complete_tier), tiers.process),
    "networksets.projectcalico.org": (custom.processed("NetworkSet"), network_sets.process),
    "globalnetworksets.projectcalico.org": (
        custom.processed("GlobalNetworkSet"),
        network_sets.process_global,
    ),
    "hostendpoints.projectcalico.org": (custom.processed("HostEndpoint"), host_endpoints.process),
    "ippools.projectcalico.org": (custom.processed("IPPool"), ip_pools.process),
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
