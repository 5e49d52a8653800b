"""Writes what must be there before anything works, as the original does at start.

Creates what is missing and amends what is incomplete; safe to repeat and beside others who do the
same.  Where that is forbidden it is left to them, with a warning.
"""

import logging
import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import orjson

from typha.datastore import initial
from typha.datastore.k8s import kinds
from typha.datastore.k8s.client import Client, RequestError
from typha.model.resources import ApiGroup, JsonObject

log = logging.getLogger(__name__)

_METADATA: Final = "projectcalico.org/metadata"  # how the older group keeps the real metadata
_DENIED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def initialise(client: Client, api_group: str) -> None:
    """Bring the datastore into the state that the original leaves it in.

    Raises RequestError for what may pass, such as a conflict: call again then.
    """
    try:
        _ensure_information(client, api_group)
    except RequestError as error:
        _give_way(error, "ClusterInformation")
    for name, order, action in initial.TIERS:
        try:
            spec = {"order": order, "defaultAction": action}
            client.fetch(
                kinds.BY_NAME["tiers.projectcalico.org"].path(api_group),
                method="POST",
                body=_new("Tier", name, spec, api_group),
            )
        except RequestError as error:
            if error.failure.status != HTTPStatus.CONFLICT:  # it is there already
                _give_way(error, f"Tier {name}")


def _ensure_information(client: Client, api_group: str) -> None:
    path = kinds.BY_NAME["clusterinformations.projectcalico.org"].path(api_group)
    mine = f"{path}/{initial.CLUSTER_INFORMATION}"
    try:
        found = client.fetch(mine)
    except RequestError as error:
        if error.failure.status != HTTPStatus.NOT_FOUND:
            raise
        spec = amended_spec({}, secrets.token_hex(16))
        body = _new("ClusterInformation", initial.CLUSTER_INFORMATION, spec, api_group)
        client.fetch(path, method="POST", body=body)
        return
    before = found.get("spec")
    spec = amended_spec(before if isinstance(before, dict) else {}, secrets.token_hex(16))
    if spec != before:
        client.fetch(mine, method="PUT", body={**found, "spec": spec})


def amended_spec(spec: JsonObject, guid: str) -> JsonObject:
    """Give the spec with what it lacks; what it says stays, also that the store is not ready."""
    stated = spec.get("clusterType")
    types = [part for part in stated.split(",") if part] if isinstance(stated, str) else []
    types += [part for part in initial.CLUSTER_TYPES if part not in types]
    result: dict[str, Any] = {**spec, "clusterType": ",".join(types)}
    if not spec.get("clusterGUID"):
        result["clusterGUID"] = guid
    if spec.get("datastoreReady") is None:
        result["datastoreReady"] = True
    return result


def _new(kind: str, name: str, spec: JsonObject, api_group: str) -> JsonObject:
    metadata: JsonObject = {"name": name}
    if api_group == ApiGroup.CRD:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata["annotations"] = {_METADATA: orjson.dumps({"creationTimestamp": now}).decode()}
    return {"apiVersion": api_group, "kind": kind, "metadata": metadata, "spec": spec}


def _give_way(error: RequestError, what: str) -> None:
    """Accept that we may not write; raise again whatever else it was."""
    if error.failure.status not in _DENIED:
        raise error
    log.warning(
        "not allowed to prepare the datastore", extra={"object": what, "error": str(error)}
    )
