"""The datastore's part of the configuration, most of it from variables that are not TYPHA_'s.

Calico's own variables are looked up with the prefix CALICO_ first, then without.  One that is set
but empty counts as set, which for a number or a truth value is an error.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from typha.config import parsing
from typha.config.ciphers import TlsPolicy
from typha.config.errors import ConfigError
from typha.config.settings import EtcdSettings, KubernetesSettings

_T = TypeVar("_T")

# What is read besides TYPHA_ variables, and what for; the documentation is made from it.
VARIABLES: Final = {
    "DATASTORE_TYPE": "kubernetes or etcdv3; overrides DatastoreType=kubernetes.",
    "KUBECONFIG": "A kubeconfig, or several separated by colons.",
    "K8S_API_ENDPOINT": "URL of the API server.",
    "K8S_KEY_FILE": "Key of the client certificate for the API server.",
    "K8S_CERT_FILE": "Client certificate for the API server.",
    "K8S_CA_FILE": "Certificate authorities of the API server.",
    "K8S_INSECURE_SKIP_TLS_VERIFY": "true: do not verify the API server's certificate.",
    "K8S_CURRENT_CONTEXT": "The kubeconfig's context.",
    "K8S_CLIENT_QPS": "Most requests a second to the API server; 0 for the default.",
    "K8S_CLIENT_BURST": "Most requests at once; 0 for the default.",
    "USE_POD_CIDR": "true: addresses of nodes come from podCIDR, as with host-local IPAM.",
    "CALICO_API_GROUP": "projectcalico.org/v3 or crd.projectcalico.org/v1; empty: found out.",
    "ETCD_ENDPOINTS": "URLs of etcd's members, in a comma list.",
    "ETCD_DISCOVERY_SRV": "DNS domain to find etcd's members by.",
    "ETCD_USERNAME": "User for etcd, with ETCD_PASSWORD.",
    "ETCD_PASSWORD": "Password for etcd.",
    "ETCD_KEY_FILE": "Key of the client certificate for etcd.",
    "ETCD_CERT_FILE": "Client certificate for etcd.",
    "ETCD_CA_CERT_FILE": "Certificate authorities of etcd's certificate.",
}
# These have one spelling only.
EXACT_VARIABLES: Final = {
    "CALICO_K8SAPITOKEN": "Bearer token for the API server.",
    "FELIX_INTERFACEPREFIX": "Prefix of pod interfaces on the host; first of a comma list.",
    "TLS_MIN_VERSION": "1.2 or 1.3, for every TLS side.",
    "TLS_CIPHER_SUITES": "Comma list of IANA names; only TLS 1.2 suites can be chosen.",
}

# Go's strconv.ParseBool
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class CalicoVariables:
    """Looks variables up the way Calico's libraries do."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str:
        """Return a variable's text, empty where it is not set."""
        return self._environ.get(self._spelt(name), "")

    def flag(self, name: str) -> bool:
        """Return a truth value; raise ConfigError if it is set to anything else."""
        return self._parsed(name, _boolean, "true or false") or False

    def number(self, name: str) -> float:
        """Return a number; raise ConfigError if it is set to anything else."""
        return self._parsed(name, parsing.floating, "a number") or 0.0

    def integer(self, name: str) -> int:
        """Return an integer; raise ConfigError if it is set to anything else."""
        return self._parsed(name, parsing.integer, "an integer") or 0

    def _spelt(self, name: str) -> str:
        return f"CALICO_{name}" if f"CALICO_{name}" in self._environ else name

    def _parsed(self, name: str, parse: Callable[[str], _T], accepted: str) -> _T | None:
        spelt = self._spelt(name)
        if spelt not in self._environ:
            return None
        try:
            return parse(self._environ[spelt])
        except ValueError:
            advice = f"expected {accepted}; unset it if it should have no effect"
            raise ConfigError(spelt, self._environ[spelt], advice) from None


def _boolean(text: str) -> bool:
    if text not in _TRUE | _FALSE:
        raise ValueError(text)
    return text in _TRUE


def store_type(typha_type: str, variables: CalicoVariables) -> str:
    """Return the datastore that acts: Calico's variables decide where Typha says kubernetes."""
    if typha_type != "kubernetes":
        return typha_type
    asked = variables.text("DATASTORE_TYPE")
    if asked not in {"", "kubernetes", "etcdv3"}:
        raise ConfigError("DATASTORE_TYPE", asked, "expected kubernetes or etcdv3")
    return asked or ("etcdv3" if variables.text("ETCD_ENDPOINTS") else "kubernetes")


def kubernetes(environ: Mapping[str, str]) -> KubernetesSettings:
    """Read how to reach the API server; raise ConfigError for what cannot be read."""
    variables = CalicoVariables(environ)
    home = environ.get("HOME", "")
    return KubernetesSettings(
        kubeconfig=tuple(path for path in variables.text("KUBECONFIG").split(":") if path),
        home_kubeconfig=f"{home}/.kube/config" if home else "",
        endpoint=variables.text("K8S_API_ENDPOINT"),
        key_file=variables.text("K8S_KEY_FILE"),
        cert_file=variables.text("K8S_CERT_FILE"),
        ca_file=variables.text("K8S_CA_FILE"),
        token=environ.get("CALICO_K8SAPITOKEN", ""),
        insecure_skip_tls_verify=variables.flag("K8S_INSECURE_SKIP_TLS_VERIFY"),
        context=variables.text("K8S_CURRENT_CONTEXT"),
        qps=variables.number("K8S_CLIENT_QPS"),
        burst=variables.integer("K8S_CLIENT_BURST"),
        api_group=variables.text("CALICO_API_GROUP"),
    )


def etcd(variables: CalicoVariables, policy: TlsPolicy) -> EtcdSettings:
    """Read how Calico's variables say to reach etcd; raise ConfigError where they contradict."""
    endpoints = variables.text("ETCD_ENDPOINTS")
    domain = variables.text("ETCD_DISCOVERY_SRV")
    if endpoints and domain:
        raise ConfigError("ETCD_DISCOVERY_SRV", domain, "set it or ETCD_ENDPOINTS, not both")
    if not endpoints and not domain:
        raise ConfigError("ETCD_ENDPOINTS", "", "etcd needs http(s)://host:port, or several")
    user, password = variables.text("ETCD_USERNAME"), variables.text("ETCD_PASSWORD")
    both = bool(user and password)
    return EtcdSettings(
        endpoints=tuple(part.strip() for part in endpoints.split(",") if part.strip()),
        discovery_srv=domain,
        key_file=variables.text("ETCD_KEY_FILE"),
        cert_file=variables.text("ETCD_CERT_FILE"),
        ca_file=variables.text("ETCD_CA_CERT_FILE"),
        username=user if both else "",
        password=password if both else "",
        policy=policy,
    )
