"""The configured datastore is opened, and the libraries of the others stay outside."""

import subprocess
import sys

import pytest

from typha.config.settings import DatastoreSettings
from typha.datastore import opening

SCRIPT = """
import sys
from typha.config.settings import DatastoreSettings
from typha.datastore import opening
source = opening.open_source(DatastoreSettings(type=sys.argv[1], manifest_dir="/x"), ["pods"])
print(type(source).__name__)
print(*sorted({"urllib3", "grpc", "yaml", "watchfiles", "kubernetes"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("kind", "source", "libraries"),
    [
        ("file", "FolderSource", "watchfiles yaml"),
        ("kubernetes", "KubernetesSource", "urllib3"),
    ],
)
def test_only_what_the_datastore_needs_is_imported(kind, source, libraries):
    """Nothing is connected or read yet; credentials are looked for when it starts."""
    shown = subprocess.run(
        [sys.executable, "-c", SCRIPT, kind],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert shown.stdout.splitlines() == [source, libraries]


def test_an_unknown_datastore_is_a_mistake_of_ours():
    """The configuration lets none through."""
    with pytest.raises(ValueError, match="stone tablets"):
        opening.open_source(DatastoreSettings(type="stone tablets"), [])
