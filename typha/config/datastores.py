"""The datastore's part of the settings: Typha's own, and Calico's variables."""

from collections.abc import Mapping
from typing import Final

from typha.config.ciphers import TlsPolicy
from typha.config.errors import ConfigError
from typha.config.resolution import Resolved, Surroundings
from typha.config.settings import DatastoreSettings, EtcdSettings, KubernetesSettings
from typha.config.variables import CalicoVariables

_ETCD_FILES: Final = ("EtcdKeyFile", "EtcdCertFile", "EtcdCaFile")
_CALICO_ETCD_FILES: Final = ("ETCD_KEY_FILE", "ETCD_CERT_FILE", "ETCD_CA_CERT_FILE")


def store_type(values: Resolved, environ: Mapping[str, str]) -> str:
    """Return the datastore that acts: Calico's variables decide where Typha says kubernetes."""
    own = values.text("DatastoreType")
    variables = CalicoVariables(environ)
    if own != "kubernetes":
        return own
    asked = variables.text("DATASTORE_TYPE")
    if asked not in {"", "kubernetes", "etcdv3"}:
        values.errors.append(ConfigError("DATASTORE_TYPE", asked, "expected kubernetes or etcdv3"))
        return own
    return asked or ("etcdv3" if variables.text("ETCD_ENDPOINTS") else "kubernetes")


def read(
    store: str, values: Resolved, around: Surroundings, policy: TlsPolicy
) -> DatastoreSettings:
    """Read the chosen datastore's settings; those of the others are not even looked at."""
    variables = CalicoVariables(around.environ)
    kubernetes, etcd = KubernetesSettings(), EtcdSettings()
    if store == "kubernetes":
        kubernetes = values.guard(lambda: _kubernetes(around.environ), otherwise=kubernetes)
    if store == "etcdv3":
        etcd = _etcd(values, variables, policy)
        _check_etcd_files(etcd, values, around)
    if store == "file" and not values.text("ManifestDir"):
        advice = "DatastoreType=file needs the folder or file to read"
        values.errors.append(ConfigError("ManifestDir", "", advice))
    # Where Typha itself says etcdv3, the original reads none of Calico's variables.
    pod_cidr = values.text("DatastoreType") != "etcdv3" and values.guard(
        lambda: variables.flag("USE_POD_CIDR"), otherwise=False
    )
    prefixes = around.environ.get("FELIX_INTERFACEPREFIX", "").split(",")
    return DatastoreSettings(
        type=store,
        kubernetes=kubernetes,
        etcd=etcd,
        manifest_dir=values.text("ManifestDir"),
        use_pod_cidr=pod_cidr,
        interface_prefix=prefixes[0] or "cali",
        strip_managed_fields=values.flag("StripManagedFields"),
        upstream_stale_after=values.seconds("UpstreamStaleSecs"),
        watch_silent_after=values.seconds("WatchSilentSecs"),
    )


def _etcd(values: Resolved, variables: CalicoVariables, policy: TlsPolicy) -> EtcdSettings:
    """Read how to reach etcd: from Typha's own settings only, or from Calico's only."""
    if values.text("DatastoreType") == "etcdv3":
        return values.guard(lambda: _own_etcd(values, policy), otherwise=EtcdSettings())
    return values.guard(lambda: _calico_etcd(variables, policy), otherwise=EtcdSettings())


def _check_etcd_files(etcd: EtcdSettings, values: Resolved, around: Surroundings) -> None:
    """Refuse files that are not there, and a key without its certificate."""
    own = values.text("DatastoreType") == "etcdv3"
    names = _ETCD_FILES if own else _CALICO_ETCD_FILES
    values.errors += [values.refused[name] for name in names if name in values.refused]
    files = (etcd.key_file, etcd.cert_file, etcd.ca_file)
    for name, path in zip(names, files, strict=True):
        if path and not around.exists(path):
            values.errors.append(ConfigError(name, path, "expected the path of a file"))
    lacking = names[0] if etcd.cert_file else names[1]
    if bool(etcd.key_file) != bool(etcd.cert_file) and lacking not in values.refused:
        values.errors.append(ConfigError(lacking, "", "certificate and key go together"))


def _own_etcd(values: Resolved, policy: TlsPolicy) -> EtcdSettings:
    """Read Typha's own etcd settings; raise ConfigError if they name no endpoint."""
    endpoints = values.texts("EtcdEndpoints")
    for name in () if endpoints else ("EtcdScheme", "EtcdAddr"):
        if not values.text(name):
            raise ConfigError(name, "none", "without EtcdEndpoints it must not be none")
    single = f"{values.text('EtcdScheme')}://{values.text('EtcdAddr')}"
    return EtcdSettings(
        endpoints=endpoints or (single,),
        key_file=values.text("EtcdKeyFile"),
        cert_file=values.text("EtcdCertFile"),
        ca_file=values.text("EtcdCaFile"),
        policy=policy,
    )


def _kubernetes(environ: Mapping[str, str]) -> KubernetesSettings:
    """Read how to reach the API server; raise ConfigError for what cannot be read."""
    variables = CalicoVariables(environ)
    home = environ.get("HOME", "")
    insecure, authorities = variables.flag("K8S_INSECURE_SKIP_TLS_VERIFY"), "K8S_CA_FILE"
    if insecure and variables.text(authorities):
        advice = "set it or K8S_INSECURE_SKIP_TLS_VERIFY, not both"
        raise ConfigError(authorities, variables.text(authorities), advice)
    return KubernetesSettings(
        kubeconfig=tuple(path for path in variables.text("KUBECONFIG").split(":") if path),
        home_kubeconfig=f"{home}/.kube/config" if home else "",
        endpoint=variables.text("K8S_API_ENDPOINT"),
        key_file=variables.text("K8S_KEY_FILE"),
        cert_file=variables.text("K8S_CERT_FILE"),
        ca_file=variables.text(authorities),
        token=environ.get("CALICO_K8SAPITOKEN", ""),
        insecure_skip_tls_verify=insecure,
        context=variables.text("K8S_CURRENT_CONTEXT"),
        qps=variables.number("K8S_CLIENT_QPS"),
        burst=variables.integer("K8S_CLIENT_BURST"),
        api_group=variables.text("CALICO_API_GROUP"),
    )


def _calico_etcd(variables: CalicoVariables, policy: TlsPolicy) -> EtcdSettings:
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
