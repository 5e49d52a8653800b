"""The configured datastore is opened, and the libraries of the others stay outside."""

import subprocess
import sys

import pytest

from typha.config.settings import DatastoreSettings, EtcdSettings, KubernetesSettings
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


@pytest.mark.parametrize(
    ("settings", "name", "ca_file"),
    [
        (DatastoreSettings(type="file", manifest_dir="/x/y"), "/x/y", ""),
        (
            DatastoreSettings(etcd=EtcdSettings(endpoints=("http://b", "http://a"), ca_file="/c")),
            "http://a,http://b",
            "/c",
        ),
        (DatastoreSettings(etcd=EtcdSettings(discovery_srv="example.org")), "example.org", ""),
    ],
)
def test_where_a_datastore_is(settings, name, ca_file):
    """Told from the settings alone."""
    assert opening.place(settings) == (name, ca_file)


@pytest.mark.parametrize(
    ("settings", "name", "ca_file"),
    [
        (KubernetesSettings(endpoint="https://api", kubeconfig=("/k",)), "https://api", ""),
        (KubernetesSettings(kubeconfig=("/k", "/l"), context="dev"), "/k:/l dev", ""),
        (KubernetesSettings(home_kubeconfig=__file__), __file__, ""),
        (
            KubernetesSettings(home_kubeconfig="/none"),
            "https://10.0.0.1:443",
            opening.POD_CA_FILE,
        ),
    ],
)
def test_where_an_api_server_is(settings, name, ca_file, monkeypatch):
    """In the order in which the account is looked for."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    found = opening.place(DatastoreSettings(type="kubernetes", kubernetes=settings))
    assert found == (name, ca_file)
