"""Opens the datastore that the configuration names, importing no other."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from typha.config.settings import DatastoreSettings, KubernetesSettings
from typha.datastore.ports import Source

POD_CA_FILE: Final = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"


class Place(NamedTuple):
    """Where a datastore is, as far as the settings tell one from another without asking it."""

    name: str
    ca_file: str  # of its authority; clusters that have the same address do not share that


def place(settings: DatastoreSettings) -> Place:
    """Say which datastore the settings mean."""
    match settings.type:
        case "file":
            return Place(str(Path(settings.manifest_dir).absolute()), "")
        case "kubernetes":
            return _api_server(settings.kubernetes)
        case _:
            etcd = settings.etcd
            name = etcd.discovery_srv or ",".join(sorted(etcd.endpoints))
            return Place(name, etcd.ca_file)


def _api_server(settings: KubernetesSettings) -> Place:
    """Follow the order in which the account is looked for, but open nothing."""
    if settings.endpoint:
        return Place(settings.endpoint, settings.ca_file)
    home = settings.home_kubeconfig
    files = settings.kubeconfig or ((home,) if home and Path(home).is_file() else ())
    if files:
        return Place(f"{':'.join(files)} {settings.context}".rstrip(), settings.ca_file)
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{part}", "") for part in ("HOST", "PORT"))
    return Place(f"https://{host}:{port}", settings.ca_file or POD_CA_FILE)


# The imports below are late because each brings libraries that the others do not need.


def open_source(settings: DatastoreSettings, resources: Iterable[str]) -> Source:
    """Give the source of `resources`, not yet started; a datastore that is away is waited for.

    Raises ImportError, with what to install in the text, if a library is missing.
    """
    match settings.type:
        case "file":
            from typha.datastore.files import folder  # noqa: PLC0415

            return folder.FolderSource(Path(settings.manifest_dir), resources)
        case "kubernetes":
            from typha.datastore.k8s import streams  # noqa: PLC0415

            return streams.open_source(settings, resources)
        case "etcdv3":
            from typha.datastore.etcd import source  # noqa: PLC0415

            return source.open_source(settings, resources)
        case other:
            raise ValueError(f"no datastore is called {other}")
