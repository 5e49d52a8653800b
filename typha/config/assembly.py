"""Values into settings objects, and the rules that join several settings."""

import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from typha.config import ciphers, datastores, settings
from typha.config.ciphers import TlsPolicy
from typha.config.datastores import CalicoVariables
from typha.config.errors import ConfigError
from typha.config.resolution import Exists, Resolved
from typha.config.settings import (
    DatastoreSettings,
    EtcdSettings,
    KubernetesSettings,
    Settings,
    TlsSettings,
)

_T = TypeVar("_T")

_MIB: Final = 1 << 20
_LARGEST_BATCH: Final = 1000  # as many as the original puts in one message of a snapshot
_TLS_NAMES: Final = ("ServerKeyFile", "ServerCertFile", "CAFile", "ClientCN", "ClientURISAN")
_ETCD_FILES: Final = ("EtcdKeyFile", "EtcdCertFile", "EtcdCaFile")
_SHORTEST_POLL: Final = 1e-8  # seconds; below this the original cannot even start its timer


def assemble(values: Resolved, environ: Mapping[str, str], cpus: int, exists: Exists) -> Settings:
    """Make the settings; what forbids to start is added to the resolved errors."""
    _join(values, cpus)
    policy = _guard(values, lambda: ciphers.policy(environ), otherwise=TlsPolicy())
    if ciphers.unknown_version(environ):
        message = "Unknown TLS_MIN_VERSION; TLS 1.2 is the minimum"
        values.note(logging.WARNING, message, value=environ["TLS_MIN_VERSION"])
    return Settings(
        server=_server(values),
        tls=_tls(values, policy),
        health=settings.HealthSettings(
            enabled=values.flag("HealthEnabled"),
            host=values.text("HealthHost"),
            port=values.integer("HealthPort"),
        ),
        metrics=_metrics(values, policy),
        logs=_logs(values),
        datastore=_datastore(values, environ, policy, exists),
        rebalancing=_rebalancing(values),
        shutdown=settings.ShutdownSettings(
            timeout=values.seconds("ShutdownTimeoutSecs"),
            max_drop_interval=values.seconds("ShutdownConnectionDropIntervalMaxSecs"),
        ),
        debug=settings.DebugSettings(
            memory_profile_path=values.text("DebugMemoryProfilePath"),
            host=values.text("DebugHost"),
            port=values.integer("DebugPort"),
        ),
        processes=_processes(values),
    )


def _join(values: Resolved, cpus: int) -> None:
    """Apply the rules by which one setting's value depends on another's or on the machine."""
    ping = values.seconds("ServerPingIntervalSecs")
    if values.seconds("ServerPongTimeoutSecs") <= 2 * ping:
        values.values["ServerPongTimeoutSecs"] = 6 * ping
    if not values.integer("Workers"):
        values.values["Workers"] = cpus


def _guard(values: Resolved, make: Callable[[], _T], *, otherwise: _T) -> _T:
    """Return what is made, or what acts in its place while an error forbids to start."""
    try:
        return make()
    except ConfigError as error:
        values.errors.append(error)
        return otherwise


def _server(values: Resolved) -> settings.ServerSettings:
    caps = ("SnapshotCacheMaxBatchSize", "ServerMaxMessageSize")
    asked = [values.integer(name) for name in caps if values.given(name)]
    return settings.ServerSettings(
        host=values.text("ServerHost"),
        port=values.integer("ServerPort"),
        handshake_timeout=values.seconds("ServerHandshakeTimeoutSecs"),
        ping_interval=values.seconds("ServerPingIntervalSecs"),
        pong_timeout=values.seconds("ServerPongTimeoutSecs"),
        write_timeout=values.seconds("ServerWriteTimeoutSecs"),
        max_fall_behind=values.seconds("ServerMaxFallBehindSecs"),
        fall_behind_grace=values.seconds("ServerNewClientFallBehindGracePeriod"),
        min_batching_age=values.seconds("ServerMinBatchingAgeThresholdSecs"),
        batch_window=values.integer("BatchWindowMillis") / 1000,
        max_batch_kvs=min([*asked, _LARGEST_BATCH]),
        replay_window=values.integer("ReplayWindowMiB") * _MIB,
        max_concurrent_snapshots=values.integer("MaxConcurrentSnapshots"),
        max_egress_per_second=values.integer("MaxEgressMiBPerSec") * _MIB,
        max_unauthenticated=values.integer("MaxUnauthenticated"),
        max_unauthenticated_per_address=values.integer("MaxUnauthenticatedPerAddress"),
        refuse_legacy_clients=values.flag("RefuseLegacyClients"),
    )


def _tls(values: Resolved, policy: TlsPolicy) -> TlsSettings:
    """Take all of mutual TLS or nothing of it."""
    key, cert, ca, name, uri = (values.text(each) for each in _TLS_NAMES)
    wanted = key or cert or ca or name or uri
    missing = [each for each in _TLS_NAMES[:3] if not values.text(each)]
    missing += [] if name or uri else ["ClientCN or ClientURISAN"]
    missing = [each for each in missing if each not in values.refused]
    if wanted and missing:
        given = ", ".join(each for each in _TLS_NAMES if values.text(each))
        advice = f"with {given} set, TLS for clients needs {', '.join(missing)} as well"
        values.errors.append(ConfigError(missing[0], "", advice))
    return TlsSettings(
        key_file=key,
        cert_file=cert,
        ca_file=ca,
        client_cn=name,
        client_uri_san=uri,
        policy=policy,
    )


def _metrics(values: Resolved, policy: TlsPolicy) -> settings.MetricsSettings:
    return settings.MetricsSettings(
        enabled=values.flag("PrometheusMetricsEnabled"),
        host=values.text("PrometheusMetricsHost"),
        port=values.integer("PrometheusMetricsPort"),
        process_metrics=values.flag("PrometheusProcessMetricsEnabled"),
        ca_file=values.text("PrometheusMetricsCAFile"),
        cert_file=values.text("PrometheusMetricsCertFile"),
        key_file=values.text("PrometheusMetricsKeyFile"),
        client_auth=values.text("PrometheusMetricsClientAuth"),
        policy=policy,
    )


def _logs(values: Resolved) -> settings.LogSettings:
    return settings.LogSettings(
        file_path=values.text("LogFilePath"),
        file_required=values.given("LogFilePath"),
        severity_file=values.text("LogSeverityFile"),
        severity_screen=values.text("LogSeverityScreen"),
        severity_sys=values.text("LogSeveritySys"),
        format=values.text("LogFormat") or "text",
        wait_for_sinks=values.flag("DebugDisableLogDropping"),
    )


def _rebalancing(values: Resolved) -> settings.RebalancingSettings:
    poll = values.seconds("K8sServicePollIntervalSecs")
    enabled = values.text("ConnectionRebalancingMode") == "kubernetes"
    if enabled and poll < _SHORTEST_POLL:
        text = values.origins["K8sServicePollIntervalSecs"].text
        advice = "with rebalancing it must be above 0 seconds"
        values.errors.append(ConfigError("K8sServicePollIntervalSecs", text, advice))
    cert, key = values.text("PeerCertFile"), values.text("PeerKeyFile")
    lacking = "PeerKeyFile" if cert else "PeerCertFile"
    if bool(cert) != bool(key) and lacking not in values.refused:
        values.errors.append(ConfigError(lacking, "", "certificate and key go together"))
    return settings.RebalancingSettings(
        enabled=enabled,
        drop_interval=values.seconds("ConnectionDropIntervalSecs"),
        upper_limit=values.integer("MaxConnectionsUpperLimit"),
        lower_limit=values.integer("MaxConnectionsLowerLimit"),
        poll_interval=poll,
        namespace=values.text("K8sNamespace"),
        service_name=values.text("K8sServiceName"),
        port_name=values.text("K8sPortName"),
        peer_cert_file=cert,
        peer_key_file=key,
    )


def _processes(values: Resolved) -> settings.ProcessSettings:
    warm, folder = values.flag("WarmStart"), values.text("CheckpointDir")
    if warm and not folder:
        advice = "WarmStart needs the folder that holds the last known state"
        values.errors.append(ConfigError("CheckpointDir", "", advice))
    return settings.ProcessSettings(
        workers=values.integer("Workers"),
        run_dir=values.text("RunDir"),
        checkpoint_dir=folder,
        warm_start=warm,
    )


def _datastore(
    values: Resolved, environ: Mapping[str, str], policy: TlsPolicy, exists: Exists
) -> DatastoreSettings:
    """Read the chosen datastore's settings; those of the others are not even looked at."""
    variables = CalicoVariables(environ)
    asked = values.text("DatastoreType")
    store = _guard(values, lambda: datastores.store_type(asked, variables), otherwise=asked)
    kubernetes, etcd = KubernetesSettings(), EtcdSettings()
    if store == "kubernetes":
        kubernetes = _guard(values, lambda: datastores.kubernetes(environ), otherwise=kubernetes)
    if store == "etcdv3":
        etcd = _etcd(values, variables, policy, exists)
    if store == "file" and not values.text("ManifestDir"):
        advice = "DatastoreType=file needs the folder or file to read"
        values.errors.append(ConfigError("ManifestDir", "", advice))
    by_environment = asked != "etcdv3"  # where Typha says etcdv3, nothing of Calico's is read
    pod_cidr = by_environment and _guard(
        values, lambda: variables.flag("USE_POD_CIDR"), otherwise=False
    )
    prefixes = environ.get("FELIX_INTERFACEPREFIX", "").split(",")
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


def _etcd(
    values: Resolved, variables: CalicoVariables, policy: TlsPolicy, exists: Exists
) -> EtcdSettings:
    """Read how to reach etcd: from Typha's own settings only, or from Calico's only."""
    if values.text("DatastoreType") == "etcdv3":
        values.errors += [values.refused[name] for name in _ETCD_FILES if name in values.refused]
        etcd = _guard(values, lambda: _own_etcd(values, policy), otherwise=EtcdSettings())
        names: tuple[str, ...] = _ETCD_FILES
    else:
        etcd = _guard(values, lambda: datastores.etcd(variables, policy), otherwise=EtcdSettings())
        names = ("ETCD_KEY_FILE", "ETCD_CERT_FILE", "ETCD_CA_CERT_FILE")
    files = (etcd.key_file, etcd.cert_file, etcd.ca_file)
    for name, path in zip(names, files, strict=True):
        if path and not exists(path):
            values.errors.append(ConfigError(name, path, "expected the path of a file"))
    lacking = names[0] if etcd.cert_file else names[1]
    if bool(etcd.key_file) != bool(etcd.cert_file) and lacking not in values.refused:
        values.errors.append(ConfigError(lacking, "", "certificate and key go together"))
    return etcd


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
