"""The metadata of Kubernetes and Calico objects, and how Calico's own is rewritten.

Objects stored in the group crd.projectcalico.org/v1 have another UID than they show, and may carry
the metadata they show in an annotation.  Rules: Calico's libcalico-go, customresource converter.
"""

import re
from typing import Any, Final

import orjson

from typha.model import typed
from typha.model.resources import ApiGroup, ConversionError, JsonObject
from typha.model.typed import always, if_given, unless_empty

ANNOTATION: Final = "projectcalico.org/metadata"  # holds what the object shows as its metadata

_UID: Final = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII)
_REVERSED_BITS: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_KEPT_BYTES: Final = (6, 8)  # hold a UUID's version and variant
_ALL_TEXTS: Final = frozenset({str})
_DEFAULT_TIER_PREFIX: Final = "default."
_TIERED_KINDS: Final = frozenset(
    {"NetworkPolicy", "GlobalNetworkPolicy", "StagedNetworkPolicy", "StagedGlobalNetworkPolicy"}
)

_OWNER_REFERENCE: Final = typed.struct(
    always("apiVersion", typed.STRING),
    always("kind", typed.STRING),
    always("name", typed.STRING),
    always("uid", typed.STRING),
    if_given("controller", typed.BOOL),
    if_given("blockOwnerDeletion", typed.BOOL),
)
_MANAGED_FIELDS: Final = typed.struct(
    unless_empty("manager", typed.STRING),
    unless_empty("operation", typed.STRING),
    unless_empty("apiVersion", typed.STRING),
    if_given("time", typed.TIME),
    unless_empty("fieldsType", typed.STRING),
    if_given("fieldsV1", typed.RAW),
    unless_empty("subresource", typed.STRING),
)
# All but the resource version, which travels beside the value.
OBJECT_META: Final = typed.struct(
    unless_empty("name", typed.STRING),
    unless_empty("generateName", typed.STRING),
    unless_empty("namespace", typed.STRING),
    unless_empty("selfLink", typed.STRING),
    unless_empty("uid", typed.STRING),
    unless_empty("generation", typed.INT),
    always("creationTimestamp", typed.TIME),
    if_given("deletionTimestamp", typed.TIME),
    if_given("deletionGracePeriodSeconds", typed.INT),
    unless_empty("labels", typed.STRING_MAP),
    unless_empty("annotations", typed.STRING_MAP),
    unless_empty("ownerReferences", typed.list_of(_OWNER_REFERENCE)),
    unless_empty("finalizers", typed.STRINGS),
    unless_empty("managedFields", typed.list_of(_MANAGED_FIELDS)),
)


def of(obj: JsonObject) -> JsonObject:
    """Return an object's metadata as decoded JSON.

    Raises ConversionError if there is none, or it has no name.
    """
    meta = obj.get("metadata")
    if not isinstance(meta, dict):
        raise typed.misfit(meta, "an object").within("metadata")
    if not meta.get("name"):
        raise ConversionError("metadata.name: the object has none")
    return meta


def text(holder: JsonObject, member: str, where: str = "metadata") -> str:
    """Return a member that holds a text; "" if it is absent or null.

    Raises ConversionError, naming the member below `where`.
    """
    value = holder.get(member)
    if type(value) is str:
        return value
    if value is None:
        return ""
    raise typed.misfit(value, "a text").within(f"{where}.{member}")


def texts(holder: JsonObject, member: str, where: str = "metadata") -> JsonObject:
    """Return a member that holds a map of texts, as it is; {} if it is absent or null.

    Raises ConversionError, naming the member below `where`.
    """
    value = holder.get(member)
    if value is None:
        return {}
    if type(value) is dict and _ALL_TEXTS.issuperset(map(type, value.values())):
        return value
    result: JsonObject = typed.retype(typed.STRING_MAP, value, f"{where}.{member}")
    return result


def child(holder: JsonObject, member: str) -> JsonObject:
    """Return a member that holds an object; {} if it is absent or null.

    Raises ConversionError, naming the member.
    """
    value = holder.get(member)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise typed.misfit(value, "an object").within(member)
    return value


def convert_uid(uid: str) -> str:
    """Return the UID that Calico shows for a stored one, or the stored one for a shown one.

    The bits of each byte are reversed, save for those that hold version and variant.  Raises
    ConversionError if it is not a UUID.
    """
    lower = uid.lower()
    if _UID.fullmatch(lower) is None:
        raise ConversionError(f"metadata.uid: {uid[:64]!r} is not a UUID")
    stored = bytes.fromhex(lower.replace("-", ""))
    shown = bytearray(stored.translate(_REVERSED_BITS))
    for index in _KEPT_BYTES:
        shown[index] = stored[index]
    digits = shown.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def shown(meta: JsonObject, kind: str, spec: Any, group: str) -> JsonObject:
    """Return the metadata that a Calico object shows, typed and in order.

    `meta` is decoded JSON as it is stored in `group`.  Raises ConversionError.
    """
    stored = _typed(meta, "metadata")
    if group != ApiGroup.CRD:
        return stored
    uid = convert_uid(stored["uid"]) if "uid" in stored else ""
    annotations = stored.get("annotations") or {}
    if ANNOTATION not in annotations:
        if uid:
            stored["uid"] = uid
        return stored
    return _merged(stored, _inner(annotations[ANNOTATION]), uid, _shown_name(stored, kind, spec))


def _inner(annotation: str) -> JsonObject:
    """Return the metadata inside the annotation."""
    where = f"metadata.annotations[{ANNOTATION}]"
    try:
        inner = orjson.loads(annotation)
    except ValueError as error:
        raise ConversionError(f"{where}: not JSON: {error}") from None
    return _typed(inner, where)


def _shown_name(stored: JsonObject, kind: str, spec: Any) -> str:
    """Return the name shown when the annotation has none."""
    name: str = stored.get("name", "")
    tier = spec.get("tier") if isinstance(spec, dict) else None
    if kind in _TIERED_KINDS and tier in (None, "", "default"):
        return name.removeprefix(_DEFAULT_TIER_PREFIX)
    return name


def _merged(stored: JsonObject, inner: JsonObject, uid: str, name: str) -> JsonObject:
    """Put the annotation's metadata in place of the stored one, which keeps what only it knows."""
    annotations = dict(stored["annotations"])
    del annotations[ANNOTATION]
    annotations.update(inner.get("annotations", {}))
    return _typed(
        {
            **inner,
            "name": inner.get("name") or name,
            "namespace": stored.get("namespace"),
            "uid": uid,
            "creationTimestamp": inner["creationTimestamp"] or stored["creationTimestamp"],
            "labels": {**stored.get("labels", {}), **inner.get("labels", {})},
            "annotations": annotations,
            "ownerReferences": [_owner(each) for each in inner.get("ownerReferences", ())],
        },
        "metadata",
    )


def _typed(meta: Any, where: str) -> JsonObject:
    result: JsonObject = typed.retype(OBJECT_META, meta, where)
    return result


def _owner(reference: JsonObject) -> JsonObject:
    """Return an owner reference; one to a Calico object takes the group and UID it shows."""
    if reference["apiVersion"] not in (ApiGroup.CRD, ApiGroup.V3):
        return reference
    return {**reference, "apiVersion": ApiGroup.V3, "uid": convert_uid(reference["uid"])}
