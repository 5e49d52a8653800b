"""Every setting there is, one line each.

From this table come the parsing, what `typha config` prints and docs/configuration.md.  A setting
is `TYPHA_` and its name in capitals in the environment, and its name in the configuration file.
"""

from dataclasses import dataclass
from typing import Final

from typha.config.parsing import (
    INT32_MAX,
    Bool,
    Endpoints,
    File,
    Int,
    Kind,
    OneOf,
    Seconds,
    Text,
    Value,
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting.

    `default` is written as a user would write it, empty for nothing at all.  `zero` is what acts
    in place of `none`, 0 and, for a duration, anything negative; None if the zero itself acts.
    An invalid value gives way to the default, unless `fatal`.
    """

    name: str
    kind: Kind
    default: str
    meaning: str
    zero: str | None = None
    fatal: bool = False

    @property
    def variable(self) -> str:
        """The name of its environment variable."""
        return f"TYPHA_{self.name.upper()}"

    @property
    def default_value(self) -> Value:
        """What acts where nobody has set it."""
        return self.kind.parse(self.default) if self.default else self.kind.zero


_BOOL: Final = Bool()
_TEXT: Final = Text()
_PATH: Final = File()
_FILE: Final = File(must_exist=True)
_PORT: Final = Int(0, 65535)
_COUNT: Final = Int(1)
_LIMIT: Final = Int(0)
_HOST: Final = Text("a host name or address", r"[a-zA-Z0-9:._+-]{1,64}")
_AUTHORITY: Final = Text("host:port", r"[^:/]+:\d+")
_SEVERITY: Final = OneOf(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
_VERIFY: Final = "RequireAndVerifyClientCert"
_ASKED: Final = OneOf((_VERIFY, "RequireAnyClientCert", "VerifyClientCertIfGiven", "NoClientCert"))
_STORES: Final = OneOf(("kubernetes", "etcdv3", "file"))

_NO_LIMIT: Final = str(INT32_MAX)  # the largest number a limit can hold


def _timer(name: str, default: str, meaning: str) -> Parameter:
    """Make a time that has to be positive: anything else gives way to the default."""
    return Parameter(name, Seconds(), default, meaning, default)


# So that each setting keeps its one line.
P = Parameter

# The original's; no name was ever changed or removed since v0.2.2.
_DATASTORE: Final = (
    P("DatastoreType", _STORES, "etcdv3", "Where the cluster's state is read.", fatal=True),
    P("EtcdAddr", _AUTHORITY, "127.0.0.1:2379", "Address of etcd, if EtcdEndpoints is empty."),
    P("EtcdScheme", OneOf(("http", "https")), "http", "The scheme that goes with EtcdAddr."),
    P("EtcdKeyFile", _FILE, "", "The key of our certificate for etcd."),
    P("EtcdCertFile", _FILE, "", "Our certificate for etcd."),
    P("EtcdCaFile", _FILE, "", "The authorities that etcd's certificate may come from."),
    P("EtcdEndpoints", Endpoints(), "", "URLs of etcd's members."),
)
_LOGGING: Final = (
    P("LogFilePath", _PATH, "/var/log/calico/typha.log", "The log file; none for no file."),
    P("LogSeverityFile", _SEVERITY, "INFO", "What goes to the file: from this severity on."),
    P("LogSeverityScreen", _SEVERITY, "INFO", "What goes to standard output; none for nothing."),
    P("LogSeveritySys", _SEVERITY, "INFO", "What goes to the machine's syslog."),
)
_HEALTH: Final = (
    P("HealthEnabled", _BOOL, "false", "Whether to serve /liveness and /readiness."),
    P("HealthHost", _HOST, "localhost", "The address to serve them at; none for all."),
    P("HealthPort", _PORT, "9098", "The port to serve them at."),
)
_METRICS: Final = (
    P("PrometheusMetricsEnabled", _BOOL, "false", "Whether to serve /metrics."),
    P("PrometheusMetricsHost", _HOST, "", "The address to serve it at; empty for all."),
    P("PrometheusMetricsPort", _PORT, "9093", "The port to serve it at."),
    P("PrometheusGoMetricsEnabled", _BOOL, "true", "Accepted, but there are no go_ metrics."),
    P("PrometheusProcessMetricsEnabled", _BOOL, "true", "Whether process_ metrics are served."),
    P("PrometheusMetricsCAFile", _TEXT, "", "Authorities that scrapers' certificates come from."),
    P("PrometheusMetricsCertFile", _TEXT, "", "The certificate; set, it means HTTPS."),
    P("PrometheusMetricsKeyFile", _TEXT, "", "The key of that certificate."),
    P("PrometheusMetricsClientAuth", _ASKED, _VERIFY, "What scrapers have to show.", _VERIFY),
)
_SERVER: Final = (
    P("ServerHost", _HOST, "", "The address to listen at; empty for all, IPv4 and IPv6."),
    P("ServerPort", _PORT, "0", "The port to listen at.", "5473"),
    _timer("ServerHandshakeTimeoutSecs", "10", "Time for a client's TLS handshake and hello."),
    _timer("ServerPingIntervalSecs", "10", "Time between two pings to a client."),
    P("ServerPongTimeoutSecs", Seconds(), "60", "Silence after which a client is closed."),
    P("SnapshotCacheMaxBatchSize", _COUNT, "100", "Most updates in a batch, if set.", "100"),
    P("ServerMaxMessageSize", _COUNT, "100", "The same under another name, if set.", "100"),
    _timer("ServerMaxFallBehindSecs", "300", "How far behind a client may be."),
    _timer("ServerNewClientFallBehindGracePeriod", "300", "Time it may be so after its snapshot."),
    P("ServerMinBatchingAgeThresholdSecs", Seconds(), "0.01", "Accepted; ours adapts.", "0.1"),
)
_TLS: Final = (
    P("ServerKeyFile", _FILE, "", "The server's key, PEM.", fatal=True),
    P("ServerCertFile", _FILE, "", "The server's certificate and its chain, PEM.", fatal=True),
    P("CAFile", _FILE, "", "Authorities that clients' certificates come from.", fatal=True),
    P("ClientCN", _TEXT, "", "The common name of clients' certificates."),
    P("ClientURISAN", _TEXT, "", "The URI SAN of clients' certificates; either name will do."),
)
_LIMITS: Final = (
    P("ConnectionRebalancingMode", OneOf(("none", "kubernetes")), "none", "Who counts Typhas."),
    _timer("ConnectionDropIntervalSecs", "1", "Time between two drops while above the limit."),
    P("MaxConnectionsUpperLimit", _COUNT, "10000", "Most connections ever.", _NO_LIMIT),
    P("MaxConnectionsLowerLimit", _COUNT, "400", "The lowest limit that rebalancing may set."),
    P("K8sServicePollIntervalSecs", Seconds(), "30", "Time between two counts of Typhas."),
    P("K8sNamespace", _TEXT, "kube-system", "The namespace of Typha's Service."),
    P("K8sServiceName", _TEXT, "calico-typha", "The name of Typha's Service."),
    P("K8sPortName", _TEXT, "calico-typha", "The name of the port in that Service."),
    _timer("ShutdownTimeoutSecs", "300", "Time to shed all clients in, at the end."),
    _timer("ShutdownConnectionDropIntervalMaxSecs", "1", "Most time between two of them."),
)
_DEBUGGING: Final = (
    P("DebugMemoryProfilePath", _PATH, "", "Memory report on SIGUSR1; <timestamp> is replaced."),
    P("DebugDisableLogDropping", _BOOL, "false", "Wait for slow log sinks, never drop a line."),
    P("DebugHost", _HOST, "localhost", "The address of the debugging server."),
    P("DebugPort", _PORT, "0", "The port of the debugging server; 0 for none."),
)

ORIGINAL: Final = {
    "Datastore": _DATASTORE,
    "Logging": _LOGGING,
    "Health": _HEALTH,
    "Metrics": _METRICS,
    "Serving clients": _SERVER,
    "Mutual TLS with clients": _TLS,
    "Connection limits, rebalancing, shutdown": _LIMITS,
    "Debugging": _DEBUGGING,
}
OURS: Final = (
    P("Workers", Int(0, 1024), "0", "Worker processes; 0 for the CPUs this container may use."),
    P("RunDir", _PATH, "", "Sockets, snapshots, journal; empty for a private temporary folder."),
    P("ManifestDir", _PATH, "", "Manifests that DatastoreType=file reads: a folder or a file."),
    P("BatchWindowMillis", Int(0, 1000), "50", "Longest spacing of updates in ms; 0 for none."),
    P("RefuseLegacyClients", _BOOL, "false", "Refuse clients older than v3.32, as the original."),
    P("StripManagedFields", _BOOL, "false", "Smaller values, but not the original's bytes."),
    _timer("ServerWriteTimeoutSecs", "120", "Time a client may go without reading anything."),
    P("ReplayWindowMiB", _COUNT, "64", "Recent updates a worker keeps for slow clients.", "64"),
    P("MaxConcurrentSnapshots", _LIMIT, "0", "Snapshots sent at the same time; 0 for no limit."),
    P("MaxEgressMiBPerSec", _LIMIT, "0", "Snapshot bytes sent in a second; 0 for no limit."),
    P("MaxUnauthenticated", _LIMIT, "1000", "Connections not yet verified; 0 for no limit."),
    P("MaxUnauthenticatedPerAddress", _LIMIT, "50", "The same from one address."),
    _timer("UpstreamStaleSecs", "30", "Time of failing probes that turns readiness off."),
    _timer("WatchSilentSecs", "90", "Silence of a watch that turns readiness off."),
    P("PeerCertFile", _FILE, "", "A client certificate, to see a peer fresh with.", fatal=True),
    P("PeerKeyFile", _FILE, "", "The key of that certificate.", fatal=True),
    P("CheckpointDir", _PATH, "", "Where WarmStart keeps the last known state: a volume."),
    P("WarmStart", _BOOL, "false", "Begin with the state of before, until the datastore answers."),
    P("LogFormat", OneOf(("text", "json")), "text", "The layout of lines on screen and in file."),
)

PARAMETERS: Final = (*(each for group in ORIGINAL.values() for each in group), *OURS)
BY_NAME: Final = {parameter.name: parameter for parameter in PARAMETERS}
BY_FOLDED_NAME: Final = {parameter.name.lower(): parameter for parameter in PARAMETERS}
