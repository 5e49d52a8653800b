"""Kubeconfig files mean here what they mean to the Go client, and what is wrong is said."""

import base64
from pathlib import Path

import pytest
import yaml

from typha.datastore.k8s import kubeconfig as subject
from typha.datastore.k8s.kubeconfig import KubeconfigError


def file(path: Path, names: str = "a", **changes) -> str:
    """Write a kubeconfig with a context, a cluster and a user of each name; the first counts."""
    content = {
        "current-context": names[0],
        "contexts": [{"name": n, "context": {"cluster": n, "user": n}} for n in names],
        "clusters": [
            {"name": n, "cluster": {"server": f"https://{path.name}-{n}"}} for n in names
        ],
        "users": [{"name": n, "user": {"token": f"{path.name}-{n}"}} for n in names],
        **changes,
    }
    path.write_text(yaml.safe_dump(content))
    return str(path)


def server(*paths: str, context: str = "") -> str:
    """Return where the files lead."""
    return subject.choose(paths, context).cluster.text("server")


def test_the_first_file_decides(tmp_path):
    """Which context is the current one, and what a name means."""
    one, two = file(tmp_path / "one", "ab"), file(tmp_path / "two", "bc")
    assert server(one, two) == "https://one-a"
    assert server(two, one) == "https://two-b"
    assert server(one, two, context="b") == "https://one-b"
    assert server(one, two, context="c") == "https://two-c"


def test_the_current_context_of_a_later_file_counts_where_the_first_has_none(tmp_path):
    """Nor has one that is empty."""
    one = file(tmp_path / "one", "a", **{"current-context": ""})
    assert server(one, file(tmp_path / "two", "b")) == "https://two-b"


def test_a_missing_file_is_passed_by(tmp_path):
    """But not the only one."""
    missing = str(tmp_path / "missing")
    assert server(missing, file(tmp_path / "one")) == "https://one-a"
    with pytest.raises(KubeconfigError, match="no such file"):
        subject.choose([missing])


def test_parts_may_stand_in_different_files(tmp_path):
    """A path is relative to the file that names it."""
    (tmp_path / "sub").mkdir()
    users = [{"name": "a", "user": {"tokenFile": "token", "client-key": "../my.key"}}]
    one = file(tmp_path / "one", users=[])
    two = file(tmp_path / "sub" / "two", users=users)
    user = subject.choose([one, two]).user
    assert user.text("tokenFile") == str(tmp_path / "sub" / "token")
    assert user.text("client-key") == str(tmp_path / "my.key")


@pytest.mark.parametrize(("command", "found"), [("bin/x", "/folder/bin/x"), ("x", "x")])
def test_a_plugin_beside_the_file_is_found_there(tmp_path, command, found):
    """One that is a mere name is looked for in PATH."""
    users = [{"name": "a", "user": {"exec": {"command": command}}}]
    plugin = subject.choose([file(tmp_path / "k", users=users)]).user.fields["exec"]
    assert plugin["command"].replace(str(tmp_path), "/folder") == found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"current-context": ""}, "no current-context is set"),
        ({"current-context": 7}, "current-context of 'the file' is 7, not text"),
        ({"current-context": "b"}, "current-context means a context 'b' that is not there"),
        ({"users": []}, "the context 'a' means a user 'a' that is not there; there is none"),
        ({"clusters": [{"name": "x"}]}, "means a cluster 'a' that is not there; there is 'x'"),
        ({"contexts": [{"name": "a", "context": {"cluster": "a"}}]}, "names no user"),
        ({"contexts": [{"name": "a", "context": {"user": "a"}}]}, "names no cluster"),
        ({"contexts": 5}, "contexts is no list"),
        ({"users": [{"name": "a", "user": []}, 5]}, "users is no list of mappings"),
        ({"users": [{"name": "a", "user": "x"}]}, "the user 'a' is no mapping"),
        ({"kind": "Secret"}, "is no kubeconfig"),
    ],
)
def test_what_does_not_fit_together_is_said(tmp_path, changes, said):
    """With the name that leads nowhere, and what there is."""
    with pytest.raises(KubeconfigError, match=said):
        subject.choose([file(tmp_path / "k", **changes)])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"as-groups": ["g"]}, "the user 'a' has as-groups without as"),
        ({"as-uid": "1"}, "the user 'a' has as-uid without as"),
        ({"token": "t", "username": "u", "password": "p"}, "a token and a password"),
        ({"auth-provider": {"name": "gcp"}}, "auth-provider 'gcp' of the user 'a'"),
        ({"auth-provider": "azure"}, "auth-provider 'azure' of the user 'a'"),
        ({"auth-provider": {"name": "oidc"}, "exec": {"command": "x"}}, "and exec as well"),
        ({"token": 5}, "token of 'a' is 5, not text"),
    ],
)
def test_a_user_that_would_be_somebody_else_is_refused(tmp_path, fields, said):
    """Rather than asked as without what is not understood."""
    path = file(tmp_path / "k", users=[{"name": "a", "user": fields}])
    with pytest.raises(KubeconfigError, match=said):
        subject.choose([path])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"as": "x", "as-groups": "g"}, "as-groups of 'a' is no list of texts"),
        ({"as": "x", "as-user-extra": ["k"]}, "as-user-extra of 'a' is no mapping"),
        ({"as": "x", "as-user-extra": {"k": "v"}}, "as-user-extra k of 'a' is no list"),
    ],
)
def test_whom_to_ask_as_has_to_be_readable(tmp_path, fields, said):
    """A group that is left out might be the one that counts."""
    user = subject.choose([file(tmp_path / "k", users=[{"name": "a", "user": fields}])]).user
    with pytest.raises(KubeconfigError, match=said):
        subject.impersonation(user)


@pytest.mark.parametrize("data", ["!", "abc", base64.b64encode(b"no PEM").decode()])
def test_data_that_is_no_file_is_said(data):
    """With the field, not with what it holds: it may be a key."""
    entry = subject.Entry("a", "/k", {"client-key-data": data})
    with pytest.raises(KubeconfigError, match="/k: client-key-data of 'a' is not base64"):
        entry.pem("client-key")


def test_data_may_go_over_several_lines():
    """As base64 prints it."""
    content = b"-----BEGIN CERTIFICATE-----" * 9
    entry = subject.Entry("a", "/k", {"x-data": base64.encodebytes(content).decode()})
    assert entry.pem("x") == content


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """As is one that is no YAML."""
    with pytest.raises(KubeconfigError, match=f"{tmp_path} cannot be read: Is a directory"):
        subject.choose([str(tmp_path)])
    (tmp_path / "k").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KubeconfigError, match="is no YAML"):
        subject.choose([str(tmp_path / "k")])
