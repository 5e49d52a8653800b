"""What the server does, part by part: small frozen objects with the values that really act.

A component takes the one that is its own.  Times are in seconds, sizes in bytes.
"""

from dataclasses import dataclass, field

from typha.config.ciphers import TlsPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How clients are served; `host` empty means every address, limits of 0 mean none."""

    host: str = ""
    port: int = 5473
    handshake_timeout: float = 10.0
    ping_interval: float = 10.0
    pong_timeout: float = 60.0
    write_timeout: float = 120.0
    max_fall_behind: float = 300.0
    fall_behind_grace: float = 300.0
    batch_window: float = 0.05
    max_batch_kvs: int = 1000  # key-values in a frame or message
    replay_window: int = 64 << 20
    max_concurrent_snapshots: int = 0
    max_egress_per_second: int = 0
    max_unauthenticated: int = 1000
    max_unauthenticated_per_address: int = 50
    refuse_legacy_clients: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Mutual TLS with clients; either of the names suffices, both empty means plaintext."""

    key_file: str = ""
    cert_file: str = ""
    ca_file: str = ""
    client_cn: str = ""
    client_uri_san: str = ""
    policy: TlsPolicy = field(default_factory=TlsPolicy)

    @property
    def enabled(self) -> bool:
        """Say whether clients must use TLS."""
        return bool(self.cert_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings:
    """The endpoint of /liveness and /readiness."""

    enabled: bool = False
    host: str = "localhost"
    port: int = 9098


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """The endpoint of /metrics; HTTPS if a certificate or key is set."""

    enabled: bool = False
    host: str = ""
    port: int = 9093
    process_metrics: bool = True
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_auth: str = "RequireAndVerifyClientCert"
    policy: TlsPolicy = field(default_factory=TlsPolicy)

    @property
    def https(self) -> bool:
        """Say whether scrapers must use TLS."""
        return bool(self.cert_file or self.key_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """Where log lines go and from which severity; a severity that is empty means never."""

    file_path: str = ""
    file_required: bool = False  # somebody asked for this file: no start without it
    severity_file: str = "INFO"
    severity_screen: str = "INFO"
    severity_sys: str = "INFO"
    format: str = "text"
    wait_for_sinks: bool = False  # rather than drop lines


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """How to reach the API server: overrides of a kubeconfig, or of the pod's own account.

    `kubeconfig` empty and no endpoint means `home_kubeconfig` if that file exists, else the pod's
    account.  `api_group` empty means asking the API server.
    """

    kubeconfig: tuple[str, ...] = ()
    home_kubeconfig: str = ""
    endpoint: str = ""
    key_file: str = ""
    cert_file: str = ""
    ca_file: str = ""
    token: str = field(default="", repr=False)
    insecure_skip_tls_verify: bool = False
    context: str = ""
    qps: float = 0.0
    burst: int = 0
    api_group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdSettings:
    """How to reach etcd: endpoints or a DNS domain, never both."""

    endpoints: tuple[str, ...] = ()
    discovery_srv: str = ""
    key_file: str = ""
    cert_file: str = ""
    ca_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    policy: TlsPolicy = field(default_factory=TlsPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatastoreSettings:
    """Where the cluster's state is read, and when that counts as stale."""

    type: str = "etcdv3"  # kubernetes, etcdv3 or file
    kubernetes: KubernetesSettings = field(default_factory=KubernetesSettings)
    etcd: EtcdSettings = field(default_factory=EtcdSettings)
    manifest_dir: str = ""
    use_pod_cidr: bool = False
    interface_prefix: str = "cali"
    strip_managed_fields: bool = False
    upstream_stale_after: float = 30.0
    watch_silent_after: float = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalancingSettings:
    """How connections are limited, and evened out over the Typhas of a Service.

    The Typhas are counted with an account of its own: `kubeconfig`, empty for the pod's.
    """

    enabled: bool = False
    drop_interval: float = 1.0
    upper_limit: int = 10000
    lower_limit: int = 400
    poll_interval: float = 30.0
    namespace: str = "kube-system"
    service_name: str = "calico-typha"
    port_name: str = "calico-typha"
    kubeconfig: tuple[str, ...] = ()
    peer_cert_file: str = ""
    peer_key_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutdownSettings:
    """How fast clients are shed at the end."""

    timeout: float = 300.0
    max_drop_interval: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugSettings:
    """The debugging endpoint, port 0 for none, and where SIGUSR1 writes."""

    memory_profile_path: str = ""
    host: str = "localhost"
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """The process tree and its folders; `run_dir` empty means a private temporary one."""

    workers: int = 1
    run_dir: str = ""
    checkpoint_dir: str = ""
    warm_start: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration."""

    server: ServerSettings = field(default_factory=ServerSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    datastore: DatastoreSettings = field(default_factory=DatastoreSettings)
    rebalancing: RebalancingSettings = field(default_factory=RebalancingSettings)
    shutdown: ShutdownSettings = field(default_factory=ShutdownSettings)
    debug: DebugSettings = field(default_factory=DebugSettings)
    processes: ProcessSettings = field(default_factory=ProcessSettings)
