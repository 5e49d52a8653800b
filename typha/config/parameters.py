"""Every setting there is, one line each.

From this table come the parsing, what `typha config` prints and docs/configuration.md.  A setting
is `TYPHA_` and its name in capitals in the environment, and its name in the configuration file.
"""

from dataclasses import dataclass
from typing import Final

from typha.config.parsing import Bool, Endpoints, File, Int, Kind, OneOf, Seconds, Text, Value


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
_SECONDS: Final = Seconds()
_TEXT: Final = Text()
_PATH: Final = File()
_FILE: Final = File(must_exist=True)
_PORT: Final = Int(0, 65535)
_COUNT: Final = Int(1)
_LIMIT: Final = Int(0)
_ADDRESS: Final = Text("a host name or address", r"[a-zA-Z0-9:._+-]{1,64}")
_AUTHORITY: Final = Text("host:port", r"[^:/]+:\d+")
_SEVERITY: Final = OneOf(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
_VERIFY: Final = "RequireAndVerifyClientCert"
_SHOWN: Final = OneOf((_VERIFY, "RequireAnyClientCert", "VerifyClientCertIfGiven", "NoClientCert"))
_STORES: Final = OneOf(("kubernetes", "etcdv3", "file"))

NO_LIMIT: Final = "2147483647"  # the largest number a limit can hold

P = Parameter  # so that each setting keeps its one line

# The original's, by what they are about; no name was ever changed or removed since v0.2.2.
ORIGINAL: Final[dict[str, tuple[Parameter, ...]]] = {
    "Datastore": (
        P("DatastoreType", _STORES, "etcdv3", "Where the cluster's state is read.", fatal=True),
        P("EtcdAddr", _AUTHORITY, "127.0.0.1:2379", "Address of etcd, without EtcdEndpoints."),
        P("EtcdScheme", OneOf(("http", "https")), "http", "Scheme that goes with EtcdAddr."),
        P("EtcdKeyFile", _FILE, "", "Key of the client certificate for etcd."),
        P("EtcdCertFile", _FILE, "", "Client certificate for etcd."),
        P("EtcdCaFile", _FILE, "", "Certificate authorities of etcd's certificate."),
        P("EtcdEndpoints", Endpoints(), "", "URLs of etcd's members."),
    ),
    "Logging": (
        P("LogFilePath", _PATH, "/var/log/calico/typha.log", "Log file; none for no file."),
        P("LogSeverityFile", _SEVERITY, "INFO", "Least severity in the file."),
        P("LogSeverityScreen", _SEVERITY, "INFO", "The same for standard output."),
        P("LogSeveritySys", _SEVERITY, "INFO", "The same for syslog; none for none."),
    ),
    "Health": (
        P("HealthEnabled", _BOOL, "false", "Serve /liveness and /readiness."),
        P("HealthHost", _ADDRESS, "localhost", "Address to serve them at; none for all."),
        P("HealthPort", _PORT, "9098", "Port to serve them at."),
    ),
    "Metrics": (
        P("PrometheusMetricsEnabled", _BOOL, "false", "Serve /metrics."),
        P("PrometheusMetricsHost", _ADDRESS, "", "Address to serve it at; empty for all."),
        P("PrometheusMetricsPort", _PORT, "9093", "Port to serve it at."),
        P("PrometheusGoMetricsEnabled", _BOOL, "true", "Accepted; there are no go_* metrics."),
        P("PrometheusProcessMetricsEnabled", _BOOL, "true", "Serve process_* metrics too."),
        P("PrometheusMetricsCAFile", _TEXT, "", "Authorities of the scrapers' certificates."),
        P("PrometheusMetricsCertFile", _TEXT, "", "Certificate; it or the key means HTTPS."),
        P("PrometheusMetricsKeyFile", _TEXT, "", "Key of that certificate."),
        P("PrometheusMetricsClientAuth", _SHOWN, _VERIFY, "What scrapers show.", _VERIFY),
    ),
    "Serving clients": (
        P("ServerHost", _ADDRESS, "", "Address to listen at; empty for all, IPv4 and IPv6."),
        P("ServerPort", _PORT, "0", "Port to listen at.", "5473"),
        P("ServerHandshakeTimeoutSecs", _SECONDS, "10", "Time for TLS and hello.", "10"),
        P("ServerPingIntervalSecs", _SECONDS, "10", "Time between pings.", "10"),
        P("ServerPongTimeoutSecs", _SECONDS, "60", "Silence that ends a connection."),
        P("SnapshotCacheMaxBatchSize", _COUNT, "100", "Most updates in a batch.", "100"),
        P("ServerMaxMessageSize", _COUNT, "100", "Most key-values in a message.", "100"),
        P("ServerMaxFallBehindSecs", _SECONDS, "300", "How far a client may fall behind.", "300"),
        P("ServerNewClientFallBehindGracePeriod", _SECONDS, "300", "Grace at start.", "300"),
        P("ServerMinBatchingAgeThresholdSecs", _SECONDS, "0.01", "Age to batch from.", "0.1"),
    ),
    "Mutual TLS with clients (all or none; ClientCN or ClientURISAN may be left out)": (
        P("ServerKeyFile", _FILE, "", "The server's key, PEM.", fatal=True),
        P("ServerCertFile", _FILE, "", "The server's certificate and chain, PEM.", fatal=True),
        P("CAFile", _FILE, "", "Certificate authorities of the clients, PEM.", fatal=True),
        P("ClientCN", _TEXT, "", "Common name clients must have, or the URI below."),
        P("ClientURISAN", _TEXT, "", "URI SAN clients must have, or the name above."),
    ),
    "Connection limits, rebalancing and shutdown": (
        P("ConnectionRebalancingMode", OneOf(("none", "kubernetes")), "none", "Even out Typhas."),
        P("ConnectionDropIntervalSecs", _SECONDS, "1", "Time between two drops.", "1"),
        P("MaxConnectionsUpperLimit", _COUNT, "10000", "Most connections ever.", NO_LIMIT),
        P("MaxConnectionsLowerLimit", _COUNT, "400", "Lowest limit that rebalancing sets."),
        P("K8sServicePollIntervalSecs", _SECONDS, "30", "Time between two counts of Typhas."),
        P("K8sNamespace", _TEXT, "kube-system", "Namespace of Typha's Service."),
        P("K8sServiceName", _TEXT, "calico-typha", "Name of Typha's Service."),
        P("K8sPortName", _TEXT, "calico-typha", "Name of the port in that Service."),
        P("ShutdownTimeoutSecs", _SECONDS, "300", "Time to shed all clients in.", "300"),
        P("ShutdownConnectionDropIntervalMaxSecs", _SECONDS, "1", "Slowest shedding.", "1"),
    ),
    "Debugging": (
        P("DebugMemoryProfilePath", _PATH, "", "Memory report on SIGUSR1; <timestamp> is filled."),
        P("DebugDisableLogDropping", _BOOL, "false", "Wait for slow log sinks instead."),
        P("DebugHost", _ADDRESS, "localhost", "Address of the debugging server."),
        P("DebugPort", _PORT, "0", "Its port; 0 for no such server."),
    ),
}

OURS: Final = (
    P("Workers", Int(0, 1024), "0", "Worker processes; 0: the CPUs this container may use."),
    P("RunDir", _PATH, "", "Sockets, snapshots, journal; empty: a private temporary folder."),
    P("ManifestDir", _PATH, "", "Manifests that DatastoreType=file reads: a folder or a file."),
    P("BatchWindowMillis", Int(0, 1000), "50", "Longest spacing of updates sent; 0: none."),
    P("RefuseLegacyClients", _BOOL, "false", "Refuse clients older than v3.32, as the original."),
    P("StripManagedFields", _BOOL, "false", "Smaller values, but not the original's bytes."),
    P("ServerWriteTimeoutSecs", _SECONDS, "120", "Time a client may make no progress.", "120"),
    P("ReplayWindowMiB", _COUNT, "64", "Recent updates a worker keeps for slow clients.", "64"),
    P("MaxConcurrentSnapshots", _LIMIT, "0", "Snapshots being sent at once; 0: no limit."),
    P("MaxEgressMiBPerSec", _LIMIT, "0", "Snapshot bytes sent a second; 0: no limit."),
    P("MaxUnauthenticated", _LIMIT, "1000", "Connections not yet verified; 0: no limit."),
    P("MaxUnauthenticatedPerAddress", _LIMIT, "50", "The same for one address."),
    P("UpstreamStaleSecs", _SECONDS, "30", "Failed probes that turn readiness off.", "30"),
    P("WatchSilentSecs", _SECONDS, "90", "Silence of a watch that does the same.", "90"),
    P("PeerCertFile", _FILE, "", "Certificate to prove a peer Typha fresh with.", fatal=True),
    P("PeerKeyFile", _FILE, "", "Key of that certificate.", fatal=True),
    P("CheckpointDir", _PATH, "", "Where the last known state survives a restart."),
    P("WarmStart", _BOOL, "false", "Serve that state until the datastore answers."),
    P("LogFormat", OneOf(("text", "json")), "text", "Layout of log lines."),
)

PARAMETERS: Final = (*(each for group in ORIGINAL.values() for each in group), *OURS)
BY_NAME: Final = {parameter.name: parameter for parameter in PARAMETERS}
BY_FOLDED_NAME: Final = {parameter.name.lower(): parameter for parameter in PARAMETERS}
