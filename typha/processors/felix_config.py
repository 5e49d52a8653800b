"""FelixConfiguration and ClusterInformation → one key a setting.

`default` is for all hosts, `node.<host>` for one; an object of any other name travels whole, for
hosts to pick by its selector.
"""

from collections.abc import Callable
from typing import Final

from typha.model import felix_fields, felix_forms, paths
from typha.model.resources import KV, JsonObject, Resource
from typha.processors import passthrough

_ALL_HOSTS: Final = "default"
_ONE_HOST: Final = "node."
_OVERRIDE: Final = "config.projectcalico.org/"  # annotation that sets what its key goes on to name

_CLUSTER_SETTINGS: Final = {
    "clusterGUID": "ClusterGUID",
    "clusterType": "ClusterType",
    "calicoVersion": "CalicoVersion",
    "variant": "Variant",
}


def process(resource: Resource) -> list[KV]:
    """Return a FelixConfiguration's settings; its annotations win over its fields."""
    path = _path_of(resource.name)
    if path is None:
        return passthrough.process(resource)
    overrides = _overrides(resource.value["metadata"].get("annotations") or {})
    settings = _settings(resource.value["spec"], overrides)
    return [KV(path(name), text.encode(), resource.revision) for name, text in settings.items()]


def process_cluster_information(resource: Resource) -> list[KV]:
    """Return the cluster's settings, and whether its datastore is ready to be used."""
    path = _path_of(resource.name)
    if path is None:
        return passthrough.process(resource)
    spec = resource.value["spec"]
    kvs = [
        KV(path(setting), spec[member].encode(), resource.revision)
        for member, setting in _CLUSTER_SETTINGS.items()
        if member in spec
    ]
    if "datastoreReady" in spec and resource.name == _ALL_HOSTS:
        flag = b"true" if spec["datastoreReady"] else b"false"
        kvs.append(KV(paths.ready(), flag, resource.revision))
    return kvs


def _path_of(name: str) -> Callable[[str], str] | None:
    """Return what makes a setting's key for an object of this name; None if it travels whole."""
    if name == _ALL_HOSTS:
        return paths.global_config
    if not name.startswith(_ONE_HOST):
        return None
    host = name.removeprefix(_ONE_HOST)
    return lambda setting: paths.host_config(host, setting)


def _overrides(annotations: JsonObject) -> dict[str, str]:
    return {
        key.removeprefix(_OVERRIDE): text
        for key, text in annotations.items()
        if key.startswith(_OVERRIDE) and key != _OVERRIDE
    }


def _settings(spec: JsonObject, overrides: dict[str, str]) -> dict[str, str]:
    """Return the settings in the fields' order, then those only annotations know."""
    settings: dict[str, str] = {}
    for member, setting, form in felix_fields.FIELDS:
        value = spec.get(member)
        if setting in overrides:
            settings[setting] = overrides[setting]
        elif value or (value is not None and form is not felix_forms.STR):
            settings[setting] = form.text(value)
    return settings | overrides
