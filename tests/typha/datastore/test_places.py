"""What tells one datastore from another."""

import pytest

from typha.config.settings import DatastoreSettings, EtcdSettings, KubernetesSettings
from typha.datastore import places


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
    assert places.place(settings) == (name, ca_file)


@pytest.mark.parametrize(
    ("settings", "name", "ca_file"),
    [
        (KubernetesSettings(endpoint="https://api", kubeconfig=("/k",)), "https://api", ""),
        (KubernetesSettings(kubeconfig=("/k", "/l"), context="dev"), "/k:/l dev", ""),
        (KubernetesSettings(home_kubeconfig=__file__), __file__, ""),
        (
            KubernetesSettings(home_kubeconfig="/none"),
            "https://10.0.0.1:443",
            places.POD_CA_FILE,
        ),
    ],
)
def test_where_an_api_server_is(settings, name, ca_file, monkeypatch):
    """In the order in which the account is looked for."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    found = places.place(DatastoreSettings(type="kubernetes", kubernetes=settings))
    assert found == (name, ca_file)


def test_a_folder_is_named_wherever_we_stand(tmp_path, monkeypatch):
    """A checkpoint of it is ours from anywhere."""
    monkeypatch.chdir(tmp_path)
    settings = DatastoreSettings(type="file", manifest_dir="m")
    assert places.place(settings).name == places.folder("m") == f"{tmp_path}/m"


def test_paths_that_are_no_text_are_two_names_that_can_be_written():
    """Of a folder, and of the file that says how to reach an API server."""
    names = {places.folder(path) for path in ("/m\udcff", "/m\udcfe")}
    files = KubernetesSettings(kubeconfig=("/k\udcff",))
    names.add(places.place(DatastoreSettings(type="kubernetes", kubernetes=files)).name)
    assert {name.encode() for name in names} == {rb"/m\xff", rb"/m\xfe", rb"/k\xff"}
