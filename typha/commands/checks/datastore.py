"""The datastore: whether it is there, what it lets us read, and what of it cannot be read."""

import contextlib
import importlib.util
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from typha.commands.checks import kubernetes
from typha.config import findings
from typha.config.findings import Finding
from typha.config.settings import DatastoreSettings, EtcdSettings
from typha.datastore.files import folder
from typha.datastore.k8s import kinds

_CONNECT_SECONDS: Final = 4.0
_ETCD_PORT: Final = 2379


def find(datastore: DatastoreSettings) -> Iterator[Finding]:
    """Look at the datastore that the settings choose."""
    if datastore.type == "file":
        yield from _manifests(Path(datastore.manifest_dir))
    elif datastore.type == "kubernetes":
        yield from kubernetes.find(datastore.kubernetes)
    else:
        yield from _etcd(datastore.etcd)


def _manifests(path: Path) -> Iterator[Finding]:
    """Read the folder as the server would."""
    try:
        contents = folder.read_once(path, kinds.BY_NAME)
    except OSError as error:
        yield findings.error("ManifestDir", f"{path} cannot be read: {error.strerror}")
        return
    for problem in contents.problems:
        yield findings.warning("ManifestDir", problem.text)
    objects = sum(len(each) for each in contents.objects.values())
    ignored = f", {len(contents.ignored)} of kinds nobody watches" if contents.ignored else ""
    tell = findings.ok if objects else findings.warning
    yield tell("ManifestDir", f"{objects} objects in {path}{ignored}")


def _etcd(etcd: EtcdSettings) -> Iterator[Finding]:
    """See whether the members can be reached, and whether we could speak to them."""
    if importlib.util.find_spec("grpc") is None:
        message = "etcd needs the package grpcio, which is not installed"
        yield findings.error("DatastoreType", message, "pip install 'typha[etcd]'")
    for endpoint in etcd.endpoints:
        url = urlsplit(endpoint)
        address = (url.hostname or "", url.port or _ETCD_PORT)
        try:
            with contextlib.closing(socket.create_connection(address, _CONNECT_SECONDS)):
                yield findings.ok("etcd", f"{endpoint} accepts connections")
        except OSError as error:
            yield findings.error("etcd", f"{endpoint} cannot be reached: {error}")
