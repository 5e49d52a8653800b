"""VirtualMachineInstanceMigration (KubeVirt) → Calico's v3 LiveMigration.

Only a migration under way is one: two pods then share an address.
"""

from typing import Final

from typha.model import encoding, metadata, typed
from typha.model.resources import ApiGroup, JsonObject, Reading, Resource

_KIND: Final = "LiveMigration"
_PHASES: Final = frozenset(
    {"Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running", "Failed"}
)


def read(obj: JsonObject, reading: Reading) -> Resource | None:
    """Return the migration; None for one that has not begun or is over.

    Raises ConversionError.
    """
    del reading
    meta, spec, status = (
        metadata.of(obj),
        metadata.child(obj, "spec"),
        metadata.child(obj, "status"),
    )
    machine, uid = metadata.text(spec, "vmiName", "spec"), metadata.text(meta, "uid")
    if metadata.text(status, "phase", "status") not in _PHASES or not machine or not uid:
        return None
    name, namespace = metadata.text(meta, "name"), metadata.text(meta, "namespace")
    state = metadata.child(status, "migrationState")
    source_pod = metadata.text(state, "sourcePod", "status.migrationState")
    value = {
        "kind": _KIND,
        "apiVersion": ApiGroup.V3,
        "metadata": _metadata(meta, name, namespace, uid),
        "spec": {
            **({"source": _source(namespace, source_pod)} if source_pod else {}),
            "target": {"selector": _target(machine, uid)},
        },
    }
    revision = metadata.text(meta, "resourceVersion")
    return Resource(_KIND, namespace, name, revision, value, revision)


def _metadata(meta: JsonObject, name: str, namespace: str, uid: str) -> JsonObject:
    shown: JsonObject = {
        "name": name,
        "namespace": namespace,
        "uid": uid,
        "creationTimestamp": typed.retype(
            typed.TIME, meta.get("creationTimestamp"), "metadata.creationTimestamp"
        ),
    }
    for member in ("labels", "annotations"):
        texts = metadata.texts(meta, member)
        if texts:
            shown[member] = encoding.sorted_map(texts)
    return shown


def _source(namespace: str, pod: str) -> JsonObject:
    return {"workload": {"orchestratorID": "k8s", "workloadID": f"{namespace}/{pod}"}}


def _target(machine: str, uid: str) -> str:
    """Return the selector of the pod that the machine moves to."""
    named = f"(vmi.kubevirt.io/id == '{machine}' || vm.kubevirt.io/name == '{machine}')"
    return f"{named} && kubevirt.io/migrationJobUID == '{uid}'"
