"""Kubernetes' own NetworkPolicy, read as one of Calico's."""

from typing import Final

from typha.model import kubernetes_policies, metadata
from typha.model.resources import JsonObject, Reading, Resource

KIND: Final = "KubernetesNetworkPolicy"


def read(obj: JsonObject, reading: Reading) -> Resource:
    """Return a NetworkPolicy of networking.k8s.io; a rule that cannot be converted is left out.

    Raises ConversionError for what Kubernetes' types cannot hold.
    """
    del reading
    meta = metadata.of(obj)
    uid = metadata.text(meta, "uid")
    if uid:
        metadata.convert_uid(uid)
    return Resource(
        KIND,
        metadata.text(meta, "namespace"),
        metadata.text(meta, "name"),
        metadata.text(meta, "resourceVersion"),
        {"spec": kubernetes_policies.spec(obj.get("spec"))},
    )
