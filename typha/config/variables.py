"""Variables of Calico's own, which are not TYPHA_'s, and how its libraries read them.

They are looked up with the prefix CALICO_ first, then without.  One that is set
but empty counts as set, which for a number or a truth value is an error.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from typha.config import parsing
from typha.config.errors import ConfigError

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
