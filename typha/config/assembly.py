"""Values into settings objects, and the rules that join several settings."""

import logging
from collections.abc import Mapping
from typing import Final

from typha.config import ciphers, datastores, settings
from typha.config.ciphers import TlsPolicy
from typha.config.errors import ConfigError
from typha.config.resolution import Resolved, Surroundings
from typha.config.settings import Settings, TlsSettings

_MIB: Final = 1 << 20
_LARGEST_BATCH: Final = 1000  # as many as the original puts in one message of a snapshot
_TLS_NAMES: Final = ("ServerKeyFile", "ServerCertFile", "CAFile", "ClientCN", "ClientURISAN")
_SHORTEST_POLL: Final = 1e-8  # seconds; below this the original cannot even start its timer


def assemble(values: Resolved, around: Surroundings) -> Settings:
    """Make the settings; what forbids to start is added to the resolved errors."""
    _join(values, around.cpus)
    store = datastores.store_type(values, around.environ)
    policy = _policy(values, around.environ, store)
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
        datastore=datastores.read(store, values, around, policy),
        rebalancing=_rebalancing(values, around.environ),
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


def _policy(values: Resolved, environ: Mapping[str, str], store: str) -> TlsPolicy:
    """Read what TLS may use; an unknown cipher suite forbids to start only where there is TLS."""
    if ciphers.unknown_version(environ):
        message = "Unknown TLS_MIN_VERSION; TLS 1.2 is the minimum"
        values.note(logging.WARNING, message, value=environ["TLS_MIN_VERSION"])
    try:
        return ciphers.policy(environ)
    except ConfigError as error:
        metrics = values.flag("PrometheusMetricsEnabled") and _metrics(values, TlsPolicy()).https
        if store == "etcdv3" or metrics or any(values.text(name) for name in _TLS_NAMES):
            values.errors.append(error)
        else:
            message = "Ignoring TLS_CIPHER_SUITES, as nothing here uses TLS"
            values.note(logging.WARNING, message, unknown=error.value)
        return TlsPolicy()


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


def _rebalancing(values: Resolved, environ: Mapping[str, str]) -> settings.RebalancingSettings:
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
        kubeconfig=tuple(path for path in environ.get("KUBECONFIG", "").split(":") if path),
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
