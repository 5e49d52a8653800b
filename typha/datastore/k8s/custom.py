"""Calico's own resources, as they are stored in either of their two groups.

One reader a kind: what is passed through whole is typed member by member, of the rest the spec is
left to its processor.  Rules: libcalico-go's custom resource client.
"""

from collections.abc import Callable
from typing import Final

from typha.model import metadata, typed
from typha.model.resources import ApiGroup, JsonObject, Reader, Reading, Resource

_TIER_ORDER: Final = 1_000_000  # of a tier that gives none
_TIER_ACTION: Final = "Deny"


def passed_through(kind: str, **members: typed.Type) -> Reader:
    """Return the reader of a kind that clients get whole; `members` types spec and status."""

    def read(obj: JsonObject, reading: Reading) -> Resource:
        meta = metadata.of(obj)
        shown = metadata.shown(meta, kind, obj.get("spec"), _group(obj, reading))
        value: JsonObject = {"kind": kind, "apiVersion": ApiGroup.V3, "metadata": shown}
        for member, member_type in members.items():
            value[member] = typed.retype(member_type, obj.get(member), member)
        revision = metadata.text(meta, "resourceVersion")
        return Resource(kind, *_identity(meta), revision, value, revision)

    return read


def processed(kind: str, default: Callable[[JsonObject], JsonObject] | None = None) -> Reader:
    """Return the reader of a kind that a processor takes apart; `default` completes its spec.

    Of the metadata only what Felix may see is kept: name, namespace, labels and annotations.
    """

    def read(obj: JsonObject, reading: Reading) -> Resource:
        meta = metadata.of(obj)
        namespace, name = _identity(meta)
        annotations = metadata.texts(meta, "annotations")
        if metadata.ANNOTATION in annotations and _group(obj, reading) == ApiGroup.CRD:
            shown = metadata.shown(meta, kind, obj.get("spec"), ApiGroup.CRD)
        else:
            labels = metadata.texts(meta, "labels")
            shown = {"name": name, "namespace": namespace}
            shown |= {"labels": labels} if labels else {}
            shown |= {"annotations": annotations} if annotations else {}
        spec = metadata.child(obj, "spec")
        value = {
            "kind": kind,
            "apiVersion": ApiGroup.V3,
            "metadata": shown,
            "spec": default(spec) if default else spec,
        }
        return Resource(kind, namespace, name, metadata.text(meta, "resourceVersion"), value)

    return read


def complete_tier(spec: JsonObject) -> JsonObject:
    """Return a tier's spec with what every tier has."""
    order, action = spec.get("order"), spec.get("defaultAction")
    return {
        **spec,
        "order": _TIER_ORDER if order is None else order,
        "defaultAction": _TIER_ACTION if action is None else action,
    }


def _group(obj: JsonObject, reading: Reading) -> str:
    """Return the group an object says it is of, else the one that is in use."""
    group = obj.get("apiVersion")
    return group if group in (ApiGroup.CRD, ApiGroup.V3) else reading.api_group


def _identity(meta: JsonObject) -> tuple[str, str]:
    return metadata.text(meta, "namespace"), metadata.text(meta, "name")
