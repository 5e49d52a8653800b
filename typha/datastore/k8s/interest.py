"""What of an object decides what it becomes, told without converting it.

Most changes of pods and nodes are of no interest to any client: conditions, heartbeats, images,
annotations of others.  A fingerprint of what the readers look at is several times cheaper than
conversion; where it stays the same, nothing can change for anybody.
"""

from collections.abc import Callable
from typing import Any, Final

from typha.datastore.k8s import nodes, pods
from typha.model import metadata
from typha.model.resources import ConversionError, JsonObject


def fingerprint(resource: str, obj: JsonObject) -> int | None:
    """Return a number that two objects share only if the same becomes of both.

    None where it would save little, or the object is not what it should be: it must then be
    converted.  Numbers are comparable within one process only.
    """
    relevant = _RELEVANT.get(resource)
    if relevant is None:
        return None
    try:
        metadata.text(metadata.of(obj), "resourceVersion")  # each is another, but a text
        return hash(relevant(obj))
    except (AttributeError, ConversionError, LookupError, TypeError):
        return None  # the reader will say what is wrong


def _of_pod(obj: JsonObject) -> tuple[Any, ...]:
    meta, spec, status = obj["metadata"], obj["spec"], obj["status"]
    annotations = metadata.texts(meta, "annotations")
    return (
        meta["name"],
        meta["namespace"],
        meta.get("generateName"),
        meta.get("deletionTimestamp") is None,
        tuple(metadata.texts(meta, "labels").items()),
        *[(name, annotations[name]) for name in annotations if name in pods.ANNOTATIONS],
        spec.get("nodeName"),
        spec.get("hostNetwork"),
        spec.get("serviceAccountName"),
        _ports(spec.get("containers")),
        _ports(spec.get("initContainers")),
        status.get("phase"),
        status.get("podIP"),
        *[each["ip"] for each in _listed(status.get("podIPs"))],
    )


def _listed(value: Any) -> list[Any] | tuple[()]:
    """Take a list that may be missing; raises TypeError for anything else, however empty."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise TypeError
    return value


def _ports(containers: Any) -> tuple[Any, ...]:
    return tuple(
        [
            (
                port.get("name"),
                port.get("containerPort"),
                port.get("hostPort"),
                port.get("protocol"),
            )
            for container in _listed(containers)
            for port in _listed(container.get("ports"))
        ]
    )


def _of_node(obj: JsonObject) -> tuple[Any, ...]:
    meta, spec, status = obj["metadata"], obj["spec"], obj["status"]
    annotations = metadata.texts(meta, "annotations")
    return (
        meta["name"],
        meta.get("uid"),
        meta.get("creationTimestamp"),
        tuple(metadata.texts(meta, "labels").items()),
        *[
            (name, annotations[name])
            for name in annotations
            if name.startswith(nodes.ANNOTATION_PREFIX)
        ],
        spec.get("podCIDR"),
        tuple(_listed(spec.get("podCIDRs"))),
        *[(each["type"], each["address"]) for each in _listed(status.get("addresses"))],
    )


_RELEVANT: Final[dict[str, Callable[[JsonObject], tuple[Any, ...]]]] = {
    "pods": _of_pod,
    "nodes": _of_node,
}
