"""Opens the datastore that the configuration names, importing no other."""

from collections.abc import Iterable
from pathlib import Path

from typha.config.settings import DatastoreSettings
from typha.datastore.ports import Source

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
