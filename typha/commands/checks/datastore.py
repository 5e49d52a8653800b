"""The datastore: whether it is there, what it lets us read, and what of it cannot be read."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from typha.commands.checks import kubernetes
from typha.config import findings
from typha.config.findings import Finding
from typha.config.settings import DatastoreSettings, EtcdSettings
from typha.datastore.files import folder
from typha.datastore.k8s import kinds


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
    """Ask etcd's members, if we can speak to them at all."""
    if importlib.util.find_spec("grpc") is None:
        message = "etcd needs the package grpcio, which is not installed"
        yield findings.error("DatastoreType", message, "pip install 'typha[etcd]'")
        return
    from typha.datastore.etcd import access  # noqa: PLC0415 - it brings grpc, which may be missing

    yield from access.find(etcd)
