"""Where a datastore is, as far as the settings tell, without asking it."""

import os
from pathlib import Path
from typing import Final, NamedTuple

from typha.config.settings import DatastoreSettings, KubernetesSettings

POD_CA_FILE: Final = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"


class Place(NamedTuple):
    """What tells one datastore from another."""

    name: str
    ca_file: str  # of its authority; clusters that have the same address do not share that


def place(settings: DatastoreSettings) -> Place:
    """Say which datastore the settings mean."""
    match settings.type:
        case "file":
            return Place(folder(settings.manifest_dir), "")
        case "kubernetes":
            return _api_server(settings.kubernetes)
        case _:
            etcd = settings.etcd
            name = etcd.discovery_srv or ",".join(sorted(etcd.endpoints))
            return Place(name, etcd.ca_file)


def folder(path: str) -> str:
    """Name a folder, wherever we stand."""
    return _text(str(Path(path).absolute()))


def kubeconfigs(settings: KubernetesSettings) -> tuple[str, ...]:
    """Name the kubeconfig files that count; none where an endpoint or the pod's account does."""
    if settings.kubeconfig or settings.endpoint:
        return settings.kubeconfig
    home = settings.home_kubeconfig
    return (home,) if home and Path(home).is_file() else ()


def _api_server(settings: KubernetesSettings) -> Place:
    """Follow the order in which the account is looked for, but open nothing."""
    if settings.endpoint:
        return Place(settings.endpoint, settings.ca_file)
    if files := kubeconfigs(settings):
        return Place(_text(f"{':'.join(files)} {settings.context}".rstrip()), settings.ca_file)
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{part}", "") for part in ("HOST", "PORT"))
    return Place(f"https://{host}:{port}", settings.ca_file or POD_CA_FILE)


def _text(path: str) -> str:
    """Spell out the bytes that are no text: two paths stay two, and each can be written."""
    return os.fsencode(path).decode(errors="backslashreplace")
