"""Namespace and ServiceAccount → Calico's v3 Profile.

A pod belongs to the profiles of its namespace and of its service account, and takes their labels.
"""

from typing import Final

from typha.model import metadata, typed
from typha.model.resources import ApiGroup, JsonObject, Reading, Resource

_KIND: Final = "Profile"
_ALLOW: Final = ({"action": "Allow", "source": {}, "destination": {}},)
# In a list the original gives a profile no resource version.  In a watch event it gives the last
# bookmarks of both its streams, which the event itself has just emptied.
_LISTED_VERSION: Final = ""
_WATCHED_VERSION: Final = "/"


def read_namespace(obj: JsonObject, reading: Reading) -> Resource:
    """Return the profile of a namespace, which allows everything.  Raises ConversionError."""
    meta = metadata.of(obj)
    name = metadata.text(meta, "name")
    spec = {
        "ingress": [*_ALLOW],
        "egress": [*_ALLOW],
        "labelsToApply": _labels(meta, name, "pcns."),
    }
    revision = f"{metadata.text(meta, 'resourceVersion')}/"
    return _profile(f"kns.{name}", meta, spec, revision, reading)


def read_service_account(obj: JsonObject, reading: Reading) -> Resource:
    """Return the profile of a service account, which has labels only.  Raises ConversionError."""
    meta = metadata.of(obj)
    name = metadata.text(meta, "name")
    namespace = metadata.text(meta, "namespace") or "default"
    spec = {"labelsToApply": _labels(meta, name, "pcsa.")}
    revision = f"/{metadata.text(meta, 'resourceVersion')}"
    return _profile(f"ksa.{namespace}.{name}", meta, spec, revision, reading)


def _labels(meta: JsonObject, name: str, prefix: str) -> JsonObject:
    """Return an object's labels, prefixed and sorted, and its name as one more."""
    labels = {prefix + label: value for label, value in metadata.texts(meta, "labels").items()}
    labels[f"{prefix}projectcalico.org/name"] = name
    return dict(sorted(labels.items()))


def _profile(
    name: str, meta: JsonObject, spec: JsonObject, revision: str, reading: Reading
) -> Resource:
    uid = metadata.convert_uid(metadata.text(meta, "uid"))
    created = typed.retype(typed.TIME, meta.get("creationTimestamp"), "metadata.creationTimestamp")
    shown = {"name": name, "uid": uid, "creationTimestamp": created}
    version = _WATCHED_VERSION if reading.live else _LISTED_VERSION
    return Resource(_KIND, "", name, revision, _value(shown, spec), version)


def _value(shown: JsonObject, spec: JsonObject) -> JsonObject:
    return {"kind": _KIND, "apiVersion": ApiGroup.V3, "metadata": shown, "spec": spec}


# Of no namespace and no account: for host endpoints and workloads outside Kubernetes to name.
DEFAULT_ALLOW: Final = Resource(
    _KIND,
    "",
    "projectcalico-default-allow",
    "1",
    _value(
        {"name": "projectcalico-default-allow", "creationTimestamp": None},
        {"ingress": [*_ALLOW], "egress": [*_ALLOW]},
    ),
)
