"""Programs that give credentials are run as the Go client runs them; what fails is said."""

import json
from pathlib import Path

import pytest

from typha.datastore.k8s import plugins as subject
from typha.datastore.k8s.kubeconfig import Chosen, Entry, KubeconfigError
from typha.datastore.k8s.plugins import Credential

V1 = "client.authentication.k8s.io/v1"
CLUSTER = {
    "server": "https://api",
    "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}],
}


def ran(tmp_path: Path, script: str, **fields) -> Credential:
    """Run a shell script as a plugin."""
    (tmp_path / "plugin").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "plugin").chmod(0o755)
    plugin = {"command": str(tmp_path / "plugin"), "apiVersion": V1, **fields}
    return subject.run(Chosen(Entry("c", "/k", CLUSTER), Entry("u", "/k", {"exec": plugin})))


def said(status: object, version: str = V1) -> str:
    """Make a script that answers."""
    return f"echo '{json.dumps({'apiVersion': version, 'status': status})}'"


def test_a_token_and_its_end_are_read(tmp_path):
    """A moment as the API server writes them."""
    status = {"token": "t", "expirationTimestamp": "2026-01-02T03:04:05Z"}
    found = ran(tmp_path, said(status))
    assert (found.token, found.expires) == ("t", 1767323045.0)


def test_a_certificate_and_its_key_are_read(tmp_path):
    """They are no less."""
    found = ran(tmp_path, said({"clientCertificateData": "c", "clientKeyData": "k"}))
    assert (found.certificate, found.key, found.token) == (b"c", b"k", "")


def test_a_plugin_is_told_what_the_user_says(tmp_path):
    """Arguments, variables, and the cluster if it is to be."""
    script = f'echo "$1 $OWN $KUBERNETES_EXEC_INFO" >{tmp_path}/told; {said({"token": "t"})}'
    own = [{"name": "OWN", "value": "mine"}]
    ran(tmp_path, script, args=["first"], env=own, provideClusterInfo=True)
    first, mine, question = (tmp_path / "told").read_text().split(" ", 2)
    assert (first, mine) == ("first", "mine")
    assert json.loads(question) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {"server": "https://api", "config": {"audience": "x"}},
        },
    }


@pytest.mark.parametrize(
    ("script", "fields", "expected"),
    [
        ("echo no access >&2; exit 3", {}, "ended with 3: no access"),
        ("exit 1", {}, "ended with 1: nothing on stderr"),
        ("echo no", {}, "printed no JSON"),
        ("echo 5", {}, "answers as None; expected client"),
        (said({"token": "t"}, "v0"), {}, "answers as 'v0'; expected client"),
        (said(None), {}, "gives no token, nor"),
        (said({"token": 5}), {}, "that is no text"),
        (said({"clientCertificateData": "c"}), {}, "gives no token, nor"),
        (said({"token": "t", "expirationTimestamp": "soon"}), {}, "expirationTimestamp 'soon'"),
        ("", {"apiVersion": "v1"}, "has the apiVersion 'v1'; expected one of client"),
        ("", {"command": None}, "has no command"),
        ("", {"command": "/x", "installHint": "get it"}, "No such file or directory; get it"),
        ("", {"interactiveMode": "Always"}, "interactiveMode Always"),
        ("", {"env": ["x"]}, "has env or args that cannot be read"),
    ],
)
def test_what_fails_is_said(tmp_path, script, fields, expected):
    """With the file, the user and the program, and never the credential."""
    with pytest.raises(KubeconfigError, match=f"/k: the exec plugin of the user 'u'.*{expected}"):
        ran(tmp_path, script, **fields)


def test_a_plugin_that_hangs_is_ended(tmp_path, monkeypatch):
    """All requests wait for it."""
    monkeypatch.setattr(subject, "RUN_SECONDS", 0.1)
    with pytest.raises(KubeconfigError, match="did not end within 0 s"):
        ran(tmp_path, "exec sleep 60")
