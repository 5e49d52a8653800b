"""Who we are to the API server is read where the original reads it, and renewed in time.

One module, for sources, overrides and renewal are of one account, and change with `account`.
"""

import base64
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from typha.config.settings import KubernetesSettings
from typha.datastore.k8s import library
from typha.datastore.k8s.account import Account, AccountError


def kubeconfig(path: Path, user: dict, cluster: dict | None = None, name: str = "here") -> str:
    """Write a kubeconfig file with one context."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": cluster or {"server": "https://api:6443/"}}],
        "users": [{"name": name, "user": user}],
    }
    path.write_text(yaml.safe_dump(config))
    return str(path)


def loaded(**settings) -> Account:
    """Load an account."""
    account = Account(KubernetesSettings(**settings))
    account.load()
    return account


def test_a_kubeconfig_gives_endpoint_and_token(tmp_path):
    """The header is there: releases of the library were without."""
    account = loaded(kubeconfig=(kubeconfig(tmp_path / "k", {"token": "secret"}),))
    assert account.endpoint().url == "https://api:6443"
    assert account.headers() == {"authorization": "Bearer secret"}


def test_a_token_file_may_end_in_a_newline(tmp_path):
    """No header may."""
    (tmp_path / "token").write_text("secret\n")
    path = kubeconfig(tmp_path / "k", {"tokenFile": "token"})
    assert loaded(kubeconfig=(path,)).headers() == {"authorization": "Bearer secret"}


def test_a_token_file_is_read_again_when_loading_again(tmp_path):
    """The library itself reads it once."""
    (tmp_path / "token").write_text("first")
    account = loaded(kubeconfig=(kubeconfig(tmp_path / "k", {"tokenFile": "token"}),))
    (tmp_path / "token").write_text("second")
    account.load()
    assert account.headers() == {"authorization": "Bearer second"}


def test_a_plugin_gives_the_token(tmp_path):
    """As cloud providers have them."""
    plugin = tmp_path / "plugin"
    plugin.write_text(
        "#!/bin/sh\n"
        'echo \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
        ' "status": {"token": "made"}}\'\n'
    )
    plugin.chmod(0o755)
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}
    path = kubeconfig(tmp_path / "k", {"exec": {**run, "interactiveMode": "Never"}})
    assert loaded(kubeconfig=(path,)).headers() == {"authorization": "Bearer made"}


def test_data_in_a_kubeconfig_becomes_files(tmp_path):
    """Certificates and key; relative paths are of the file's folder."""
    (tmp_path / "my.key").write_text("key")
    pem = b"-----BEGIN CERTIFICATE-----"
    data = base64.b64encode(pem).decode()
    user = {"client-certificate-data": data, "client-key": "my.key"}
    cluster = {
        "server": "https://api",
        "certificate-authority-data": data,
        "tls-server-name": "kubernetes",
        "insecure-skip-tls-verify": True,
    }
    endpoint = loaded(kubeconfig=(kubeconfig(tmp_path / "k", user, cluster),)).endpoint()
    assert Path(endpoint.ca_file or "").read_bytes() == pem
    assert Path(endpoint.cert_file or "").read_bytes() == pem
    assert endpoint.key_file == str(tmp_path / "my.key")
    assert (endpoint.server_name, endpoint.verify) == ("kubernetes", False)


def test_several_kubeconfigs_and_a_context(tmp_path):
    """The first file that names something wins; the context may be chosen."""
    files = (
        kubeconfig(tmp_path / "a", {"token": "one"}, name="one"),
        kubeconfig(tmp_path / "b", {"token": "two"}, name="two"),
    )
    assert loaded(kubeconfig=files, context="one").headers() == {"authorization": "Bearer one"}
    assert loaded(kubeconfig=files, context="two").headers() == {"authorization": "Bearer two"}


def test_data_is_written_to_no_disk(tmp_path, monkeypatch):
    """The root file system may be read-only; the paths last while the contents do."""
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    data = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
    cluster = {"server": "https://api", "certificate-authority-data": data}
    account = loaded(kubeconfig=(kubeconfig(tmp_path / "k", {"token": "x"}, cluster),))
    before = account.endpoint()
    account.load()
    assert account.endpoint() == before


def test_somebody_else_may_be_asked_as(tmp_path):
    """By the headers that the API server knows, one for each group."""
    user = {
        "token": "x",
        "as": "system:serviceaccount:kube-system:typha",
        "as-uid": "7",
        "as-groups": ["system:serviceaccounts", "system:authenticated"],
        "as-user-extra": {"example.org/scope%": ["one", "two"]},
    }
    headers = loaded(kubeconfig=(kubeconfig(tmp_path / "k", user),)).headers()
    assert headers["Impersonate-User"] == "system:serviceaccount:kube-system:typha"
    assert headers["Impersonate-Uid"] == "7"
    groups = headers.getlist("Impersonate-Group")
    assert groups == ["system:serviceaccounts", "system:authenticated"]
    assert headers.getlist("Impersonate-Extra-example.org%2Fscope%25") == ["one", "two"]


@pytest.mark.parametrize("token", ["secret\nsecond", "sécret", "secret\x00"])
def test_a_token_that_no_header_may_hold_is_not_shown(token):
    """What is wrong is said, and not the secret."""
    account = loaded(endpoint="http://api", token=token)
    with pytest.raises(AccountError, match="the token holds something else") as caught:
        account.headers()
    assert "cret" not in str(caught.value)


def test_the_environments_authority_is_for_verifying(tmp_path):
    """A kubeconfig that verifies nothing does not stand against it."""
    cluster = {"server": "https://api", "insecure-skip-tls-verify": True}
    path = kubeconfig(tmp_path / "k", {"token": "x"}, cluster)
    assert not loaded(kubeconfig=(path,)).endpoint().verify
    assert loaded(kubeconfig=(path,), ca_file="/ca").endpoint().verify


def test_another_endpoint_has_another_name(tmp_path):
    """The kubeconfig's is that of its own server."""
    cluster = {"server": "https://api", "tls-server-name": "kubernetes"}
    path = kubeconfig(tmp_path / "k", {"token": "x"}, cluster)
    assert loaded(kubeconfig=(path,)).endpoint().server_name == "kubernetes"
    other = loaded(kubeconfig=(path,), endpoint="https://other").endpoint()
    assert (other.url, other.server_name) == ("https://other", None)


def test_what_a_plugin_gave_is_due_in_its_time(tmp_path):
    """Then it is asked again, by loading anew."""
    plugin = tmp_path / "plugin"
    answer = '{"apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s"%s}}'
    plugin.write_text("#!/bin/sh\ncat " + str(tmp_path / "answer"))
    plugin.chmod(0o755)
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"}
    path = kubeconfig(tmp_path / "k", {"exec": run})
    (tmp_path / "answer").write_text(
        answer % ("a", ',"expirationTimestamp":"2001-01-01T00:00:00Z"')
    )
    account = loaded(kubeconfig=(path,))
    assert account.is_due()
    (tmp_path / "answer").write_text(answer % ("b", ""))
    account.load()
    assert not account.is_due()
    assert account.headers() == {"authorization": "Bearer b"}


def test_an_id_token_that_is_none_is_said(tmp_path):
    """Instead of asking as nobody."""
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": "x"}}}
    with pytest.raises(AccountError, match="'here' has no id-token"):
        loaded(kubeconfig=(kubeconfig(tmp_path / "k", user),))


def test_the_environments_overrides_win(tmp_path):
    """K8S_* over what the kubeconfig says."""
    path = kubeconfig(tmp_path / "k", {"token": "secret"})
    account = loaded(
        kubeconfig=(path,),
        endpoint="http://other:80",
        ca_file="/ca",
        cert_file="/cert",
        key_file="/key",
        token="mine\n",
        insecure_skip_tls_verify=True,
    )
    endpoint = account.endpoint()
    assert (endpoint.url, endpoint.ca_file) == ("http://other:80", "/ca")
    assert (endpoint.cert_file, endpoint.key_file) == ("/cert", "/key")
    assert not endpoint.verify
    assert account.headers() == {"authorization": "Bearer mine"}


def test_the_overrides_still_win_when_a_token_was_looked_for(tmp_path):
    """The library then puts in place again what the kubeconfig says."""
    path = kubeconfig(tmp_path / "k", {"token": "secret"})
    account = loaded(kubeconfig=(path,), endpoint="https://other", ca_file="/ca")
    before = account.endpoint()
    assert account.headers() == {"authorization": "Bearer secret"}
    assert account.endpoint() == before
    assert (before.url, before.ca_file) == ("https://other", "/ca")


def test_an_endpoint_alone_is_enough():
    """No kubeconfig at home is looked at then."""
    account = loaded(endpoint="http://api:1", home_kubeconfig="/does/not/matter")
    assert account.endpoint().url == "http://api:1"
    assert account.headers() == {}


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "http://10.0.0.1:8080"),
        ({"ca_file": "/ca"}, "https://10.0.0.1:8080"),
        ({"insecure_skip_tls_verify": True}, "https://10.0.0.1:8080"),
    ],
)
def test_an_endpoint_without_a_scheme_is_completed(settings, url):
    """As the Go client does."""
    assert loaded(endpoint="10.0.0.1:8080", **settings).endpoint().url == url


def test_the_kubeconfig_at_home_is_used_if_it_is_there(tmp_path, monkeypatch):
    """Else the pod's own account."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    path = kubeconfig(tmp_path / "k", {"token": "home"})
    assert loaded(home_kubeconfig=path).headers() == {"authorization": "Bearer home"}
    with pytest.raises(AccountError, match="not set"):
        loaded(home_kubeconfig=str(tmp_path / "missing"))


@pytest.fixture
def pod(tmp_path, monkeypatch) -> Path:
    """Run as in a pod whose account is in the folder given."""
    (tmp_path / "token").write_text("pod-token\n")
    (tmp_path / "ca.crt").write_text("ca")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    loaders = library._module("kubernetes.config.incluster_config")
    monkeypatch.setattr(loaders, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(loaders, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    return tmp_path


def test_a_pod_has_an_account_of_its_own(pod):
    """Address and files are where the kubelet puts them."""
    account = loaded()
    assert account.endpoint().url == "https://[fd00::1]:443"
    assert account.endpoint().ca_file == str(pod / "ca.crt")
    assert account.headers() == {"authorization": "bearer pod-token"}


def test_a_pods_token_is_read_again(pod):
    """At once when loading anew, as after a refusal."""
    account = loaded()
    (pod / "token").write_text("rotated")
    account.load()
    assert account.headers() == {"authorization": "bearer rotated"}


def test_a_replaced_file_makes_another_endpoint(tmp_path):
    """So that connections with the old certificate are not used again."""
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text("old")
    account = loaded(
        endpoint="https://api",
        ca_file=str(tmp_path / "ca"),
        cert_file=str(tmp_path / "cert"),
        key_file=str(tmp_path / "key"),
    )
    before = account.endpoint()
    assert account.endpoint() == before
    (tmp_path / "new").write_text("new")
    (tmp_path / "new").replace(tmp_path / "cert")
    assert account.endpoint() != before
    (tmp_path / "cert").unlink()
    assert account.endpoint() != before


@pytest.mark.parametrize("content", ["", "}", "a: [1", "a: 1", "[]", "contexts: 5"])
def test_a_malformed_kubeconfig_is_said(tmp_path, content):
    """In one line that names it, whatever the library makes of it."""
    (tmp_path / "k").write_text(content)
    with pytest.raises(AccountError, match=rf"KUBECONFIG {tmp_path}/k: [^\n]+$"):
        loaded(kubeconfig=(str(tmp_path / "k"),))


def test_a_proxy_is_taken_from_the_environment_or_the_kubeconfig(tmp_path, monkeypatch):
    """As the Go client does."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8,.local")
    endpoint = loaded(endpoint="https://api").endpoint()
    assert endpoint.proxy == "http://proxy:3128"
    assert endpoint.no_proxy == "10.0.0.0/8,.local,localhost,127.0.0.0/8,::1"
    cluster = {"server": "https://api", "proxy-url": "http://own:1"}
    path = kubeconfig(tmp_path / "k", {"token": "x"}, cluster)
    endpoint = loaded(kubeconfig=(path,)).endpoint()
    assert (endpoint.proxy, endpoint.no_proxy) == ("http://own:1", "")


LEAN = """
import sys
from typha.config.settings import KubernetesSettings
from typha.datastore.k8s.account import Account
account = Account(KubernetesSettings(kubeconfig=(sys.argv[1],)))
account.load()
account.headers()
loaded = [name for name in sys.modules if name.startswith("kubernetes")]
assert len(loaded) < 15, loaded
from kubernetes.client import ApiClient, Configuration
assert ApiClient(Configuration()).rest_client is not None
"""


def test_only_the_loaders_are_imported(tmp_path):
    """Not the models of every API; what renews OIDC tokens is there when it is called."""
    path = kubeconfig(tmp_path / "k", {"token": "x"})
    subprocess.run([sys.executable, "-c", LEAN, path], check=True, timeout=120)


PLAIN = """
import sys
import kubernetes
from typha.config.settings import KubernetesSettings
from typha.datastore.k8s.account import Account
account = Account(KubernetesSettings(kubeconfig=(sys.argv[1],)))
account.load()
assert account.headers() == {"authorization": "Bearer x"}
"""


def test_a_library_that_was_imported_whole_serves_as_well(tmp_path):
    """Somebody else may have needed it."""
    path = kubeconfig(tmp_path / "k", {"token": "x"})
    subprocess.run([sys.executable, "-W", "ignore", "-c", PLAIN, path], check=True, timeout=120)
