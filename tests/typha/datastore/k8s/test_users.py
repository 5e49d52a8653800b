"""What of a cluster and a user can be used at once, and what of it is refused."""

import base64
from pathlib import Path

import pytest

from typha.config.settings import KubernetesSettings
from typha.datastore.k8s import users as subject
from typha.datastore.k8s.held import Held
from typha.datastore.k8s.kubeconfig import Chosen, Entry, KubeconfigError
from typha.datastore.k8s.users import Shown

PEM = b"-----BEGIN CERTIFICATE-----"


def shown(user: dict | None = None, cluster: dict | None = None, **settings) -> Shown:
    """Resolve a cluster and a user."""
    where = {"server": "https://api"} if cluster is None else cluster
    chosen = Chosen(Entry("c", "/k", where), Entry("u", "/k", user or {}))
    return subject.shown(chosen, Held(), KubernetesSettings(**settings))


def test_the_token_of_a_file_comes_first(tmp_path):
    """And the one that stands beside it where the file is of no use."""
    file = tmp_path / "token"
    fields = {"token": "here", "tokenFile": str(file)}
    assert shown(fields).user["token"] == "here"
    file.write_text("\n")
    assert shown(fields).user["token"] == "here"
    file.write_text("there\n")
    assert shown(fields).user["token"] == "there"


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), (b" ", "is empty"), (b"\xff", "no text")]
)
def test_a_token_file_of_no_use_is_said(tmp_path, content, said):
    """Instead of asking as nobody."""
    if content is not None:
        (tmp_path / "t").write_bytes(content)
    with pytest.raises(KubeconfigError, match=rf"/k: tokenFile of 'u', {tmp_path}/t, .*{said}"):
        shown({"tokenFile": str(tmp_path / "t")})


def test_content_goes_before_a_path():
    """As with the Go client."""
    data = base64.b64encode(PEM).decode()
    found = shown({"client-certificate": "/nowhere", "client-certificate-data": data})
    assert Path(found.user["client-certificate"]).read_bytes() == PEM
    assert "client-certificate-data" not in found.user


def test_a_path_that_leads_to_no_file_is_said():
    """With the field that names it."""
    with pytest.raises(KubeconfigError, match="/k: certificate-authority of 'c' is no file: /x"):
        shown(cluster={"server": "https://api", "certificate-authority": "/x"})


@pytest.mark.parametrize(
    ("cluster", "url"),
    [
        ({"server": "10.0.0.1:8080"}, "http://10.0.0.1:8080"),
        ({"server": "10.0.0.1:6443", "insecure-skip-tls-verify": True}, "https://10.0.0.1:6443"),
        ({"server": "https://api/path"}, "https://api/path"),
    ],
)
def test_a_server_without_a_scheme_is_completed(cluster, url):
    """As the Go client does."""
    assert shown(cluster=cluster).cluster["server"] == url


def test_a_cluster_without_a_server_needs_an_endpoint():
    """The library would ask this machine."""
    assert shown(cluster={}, endpoint="https://x").cluster["server"] == "https://x"
    with pytest.raises(KubeconfigError, match="/k: the cluster 'c' has no server"):
        shown(cluster={})


def test_what_the_settings_override_is_not_looked_at():
    """It may be the reason why they do."""
    user = {"client-certificate": "/x", "client-key-data": "!", "exec": {"command": "/x"}}
    cluster = {"server": "api:1", "certificate-authority": "/x"}
    own = {"ca_file": "/ca", "cert_file": "/cert", "key_file": "/key"}
    found = shown(user, cluster, **own)
    assert found.cluster == {"server": "https://api:1"}
    assert found.user == {}
    assert shown({"tokenFile": "/x"}, token="mine").user["token"] == "mine"


def test_a_proxy_that_is_not_spoken_to_is_said():
    """Rather than passed by."""
    with pytest.raises(KubeconfigError, match="proxy-url of 'c' is 'socks5://p'; expected http"):
        shown(cluster={"server": "https://api", "proxy-url": "socks5://p"})


@pytest.mark.parametrize("own", [{"token": "t"}, {"username": "u", "password": "p"}])
def test_no_plugin_is_run_for_who_has_a_credential(own):
    """As with the Go client."""
    assert shown({**own, "exec": {"command": "/nonexistent"}}).expires is None
