"""Network policies as Kubernetes stores them: its own kind, and Calico's.

What the processors need of a Calico policy is its spec: metadata that clients never see is
checked as the original's reader checks it, and not rewritten.
"""

from typing import Final

from typha.model import kubernetes_policies, metadata
from typha.model.resources import ApiGroup, JsonObject, Reader, Reading, Resource

KUBERNETES_KIND: Final = "KubernetesNetworkPolicy"


def read(obj: JsonObject, reading: Reading) -> Resource:
    """Return a NetworkPolicy of networking.k8s.io as Calico's.

    A rule that cannot be converted is left out.  Raises ConversionError for what Kubernetes' types
    cannot hold.
    """
    del reading
    meta = metadata.of(obj)
    uid = metadata.text(meta, "uid")
    if uid:
        metadata.convert_uid(uid)
    spec = kubernetes_policies.spec(obj.get("spec"))
    return _resource(KUBERNETES_KIND, meta, {"spec": spec})


def reader(kind: str) -> Reader:
    """Return the reader of one of Calico's policy kinds, such as GlobalNetworkPolicy."""

    def read_calico(obj: JsonObject, reading: Reading) -> Resource:
        meta = metadata.of(obj)
        group = obj.get("apiVersion", reading.api_group)
        if group == ApiGroup.CRD:
            _check(meta, kind, obj)
        return _resource(kind, meta, obj)

    return read_calico


def _check(meta: JsonObject, kind: str, obj: JsonObject) -> None:
    """Raise ConversionError where the metadata that would be shown cannot be made."""
    if metadata.ANNOTATION in (meta.get("annotations") or {}):
        metadata.shown(meta, kind, obj.get("spec"), ApiGroup.CRD)
        return
    uid = metadata.text(meta, "uid")
    if uid:
        metadata.convert_uid(uid)


def _resource(kind: str, meta: JsonObject, value: JsonObject) -> Resource:
    namespace = metadata.text(meta, "namespace")
    revision = metadata.text(meta, "resourceVersion")
    return Resource(kind, namespace, metadata.text(meta, "name"), revision, value)
