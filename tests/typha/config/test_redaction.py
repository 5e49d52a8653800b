"""Which values are never shown."""

import pytest

from typha.config import redaction


@pytest.mark.parametrize(
    "name",
    ["CALICO_K8SAPITOKEN", "ETCD_PASSWORD", "SomeSecret", "TheKey", "TYPHA_CERT", "KUBECONFIG"],
)
def test_secrets_are_known_by_their_names(name):
    """By what the names hold or how they end."""
    assert redaction.shown(name, "value") == "<redacted>"
    assert redaction.shown(name, "") == ""


@pytest.mark.parametrize(
    "name",
    ["ServerKeyFile", "TokenPath", "ETCD_KEY_FILE", "ServerPort", "K8sNamespace", "ClientCN"],
)
def test_paths_to_secrets_are_none(name):
    """A user wants to see which file it is."""
    assert redaction.shown(name, "value") == "value"
