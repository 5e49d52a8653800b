"""A cluster that the model test changes: what is so, and what each watch has yet to say of it."""

import copy
from collections import deque
from collections.abc import Callable
from typing import Any

from typha.datastore.ports import Changed, Event, ListDone, Listed, Removed, Undecodable

BAD = 0  # the variant of an object that cannot be sent
OTHER_CIDR = 2  # pools of this variant have a net of their own, the others contest one
Object = dict[str, Any]


def _pool(variant: int) -> Object:
    network = "no net" if variant == BAD else f"10.{int(variant == OTHER_CIDR)}.0.0/16"
    return {"spec": {"cidr": network, "ipipMode": "Always", "natOutgoing": variant == 1}}


def _policy(variant: int) -> Object:
    selector = "has(" if variant == BAD else "all()"
    return {"spec": {"order": variant, "selector": selector, "types": ["Ingress"]}}


def _staged(variant: int) -> Object:
    return {"spec": {**_policy(variant)["spec"], "stagedAction": "Set"}}


def _namespace(variant: int) -> Object:
    return {"metadata": {"labels": {"v": str(variant)}}}


def _kubernetes_policy(variant: int) -> Object:
    labels = 7 if variant == BAD else {"v": str(variant)}
    return {"spec": {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"]}}


def _pod(variant: int) -> Object:
    """Make a pod; one whose phase is not known to be over is an endpoint."""
    phase = "Succeeded" if variant == BAD else "Running"
    return {
        "metadata": {"labels": {"v": str(variant)}},
        "spec": {"nodeName": "n1", "containers": [{"name": "c"}]},
        "status": {"phase": phase, "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]},
    }


def _tier(variant: int) -> Object:
    return {"spec": {"order": variant}}


# Resource -> its namespace, how its names begin, and how a variant is made.
KINDS: dict[str, tuple[str, str, Callable[[int], Object]]] = {
    "namespaces": ("", "", _namespace),
    "pods": ("shop", "", _pod),
    "networkpolicies.networking.k8s.io": ("shop", "", _kubernetes_policy),
    "networkpolicies.projectcalico.org": ("shop", "default.", _policy),
    "globalnetworkpolicies.projectcalico.org": ("", "default.", _policy),
    "stagedglobalnetworkpolicies.projectcalico.org": ("", "default.", _staged),
    "tiers.projectcalico.org": ("", "", _tier),
    "ippools.projectcalico.org": ("", "", _pool),
}


class Cluster:
    """Objects by resource and name, and a watch on each resource."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Object]] = {resource: {} for resource in KINDS}
        self.watches: dict[str, deque[Event]] = {resource: deque() for resource in KINDS}
        self.broken = set(KINDS)  # watches that ended: only a list helps
        self._revision = 10

    def put(self, resource: str, name: str, variant: int) -> None:
        """Create or alter an object."""
        namespace, beginning, make = KINDS[resource]
        self._revision += 1
        made = make(variant)
        made["metadata"] = {
            "name": beginning + name,
            "uid": "30316465-6365-4463-ad63-3564622d3638",
            "resourceVersion": str(self._revision),
            **({"namespace": namespace} if namespace else {}),
            **made.get("metadata", {}),
        }
        self.objects[resource][name] = made
        self._tell(resource, Changed(resource, copy.deepcopy(made)))

    def remove(self, resource: str, name: str) -> None:
        """Delete an object, if it is there."""
        if self.objects[resource].pop(name, None) is not None:
            namespace, beginning, _ = KINDS[resource]
            self._tell(resource, Removed(resource, namespace, beginning + name))

    def garble(self, resource: str, name: str) -> None:
        """Let the watch fail to read an object; a list reads it."""
        if name in self.objects[resource]:
            namespace, beginning, _ = KINDS[resource]
            lost = Undecodable(resource, namespace, beginning + name, "garbled on the way")
            self._tell(resource, lost)
            self.broken.add(resource)  # the truth is known again after a list at the latest

    def _tell(self, resource: str, event: Event) -> None:
        if resource not in self.broken:
            self.watches[resource].append(event)

    def listed(self, resource: str, pages: int = 1) -> list[Event]:
        """Give a complete list; the watch begins anew behind it."""
        self.watches[resource].clear()
        self.broken.discard(resource)
        return [*self.pages(resource, pages), ListDone(resource)]

    def pages(self, resource: str, pages: int) -> list[Event]:
        """Give the list in so many pages, without its end."""
        objects = copy.deepcopy(list(self.objects[resource].values()))
        size = -(-len(objects) // pages) or 1
        starts = range(0, len(objects), size) or range(1)
        return [Listed(resource, objects[at : at + size], first=at == 0) for at in starts]
