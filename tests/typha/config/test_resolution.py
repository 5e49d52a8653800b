"""Every setting's default, what its zero does, and what becomes of an invalid value."""

import logging

import pytest
from hypothesis import given, strategies as st

from typha.config import loading, parameters
from typha.config.errors import ConfigError
from typha.config.resolution import Source, Surroundings

INT32_MAX = 2147483647
VERIFY = "RequireAndVerifyClientCert"

# name: (default, what `none` means, an invalid text or None where every text is valid)
FACTS = {
    "DatastoreType": ("etcdv3", None, "mysql"),
    "EtcdAddr": ("127.0.0.1:2379", None, "http://x:1"),
    "EtcdScheme": ("http", None, "ftp"),
    "EtcdKeyFile": ("", "", "/missing"),
    "EtcdCertFile": ("", "", "/missing"),
    "EtcdCaFile": ("", "", "/missing"),
    "EtcdEndpoints": ((), (), "http://a:1/path"),
    "LogFilePath": ("/var/log/calico/typha.log", "", None),
    "LogSeverityFile": ("INFO", "", "TRACE"),
    "LogSeverityScreen": ("INFO", "", "verbose"),
    "LogSeveritySys": ("INFO", "", "warn"),
    "HealthEnabled": (False, False, "maybe"),
    "HealthHost": ("localhost", "", "a b"),
    "HealthPort": (9098, 0, "65536"),
    "PrometheusMetricsEnabled": (False, False, "on"),
    "PrometheusMetricsHost": ("", "", "x" * 65),
    "PrometheusMetricsPort": (9093, 0, "-1"),
    "PrometheusGoMetricsEnabled": (True, False, "2"),
    "PrometheusProcessMetricsEnabled": (True, False, "si"),
    "PrometheusMetricsCAFile": ("", "", None),
    "PrometheusMetricsCertFile": ("", "", None),
    "PrometheusMetricsKeyFile": ("", "", None),
    "PrometheusMetricsClientAuth": (VERIFY, VERIFY, "Optional"),
    "SnapshotCacheMaxBatchSize": (100, 100, "0"),
    "ServerMaxMessageSize": (100, 100, "-5"),
    "ServerMaxFallBehindSecs": (300.0, 300.0, "5m"),
    "ServerNewClientFallBehindGracePeriod": (300.0, 300.0, "x"),
    "ServerMinBatchingAgeThresholdSecs": (0.01, 0.1, "10ms"),
    "ServerPingIntervalSecs": (10.0, 10.0, "ten"),
    "ServerPongTimeoutSecs": (60.0, 60.0, "60s"),
    "ServerHandshakeTimeoutSecs": (10.0, 10.0, "1,5"),
    "ServerPort": (5473, 5473, "http"),
    "ServerHost": ("", "", "a/b"),
    "ServerKeyFile": ("", "", "/missing"),
    "ServerCertFile": ("", "", "/missing"),
    "CAFile": ("", "", "/missing"),
    "ClientCN": ("", "", None),
    "ClientURISAN": ("", "", None),
    "DebugMemoryProfilePath": ("", "", None),
    "DebugDisableLogDropping": (False, False, "x"),
    "DebugHost": ("localhost", "", "*"),
    "DebugPort": (0, 0, "99999"),
    "ConnectionRebalancingMode": ("none", "", "auto"),
    "ConnectionDropIntervalSecs": (1.0, 1.0, "x"),
    "ShutdownTimeoutSecs": (300.0, 300.0, "x"),
    "ShutdownConnectionDropIntervalMaxSecs": (1.0, 1.0, "x"),
    "MaxConnectionsUpperLimit": (10000, INT32_MAX, "0"),
    "MaxConnectionsLowerLimit": (400, 0, "0"),
    "K8sServicePollIntervalSecs": (30.0, 0.0, "x"),
    "K8sNamespace": ("kube-system", "", None),
    "K8sServiceName": ("calico-typha", "", None),
    "K8sPortName": ("calico-typha", "", None),
}
FATAL = {"DatastoreType", "ServerKeyFile", "ServerCertFile", "CAFile"}
REPAIRED_SECONDS = [
    name
    for name, (default, zero, _) in FACTS.items()
    if isinstance(default, float) and zero and name != "ServerPongTimeoutSecs"
]


def read(text="", /, exists=(), **environ):
    """Interpret a file's text and TYPHA_ variables given by the settings' names."""
    around = Surroundings(
        environ={f"TYPHA_{name.upper()}": value for name, value in environ.items()},
        cpus=3,
        exists=lambda path: path in exists,
    )
    return loading.interpret(text, "typha.cfg", around)


def test_the_original_has_these_52_settings():
    """No more and no less; ours come on top."""
    ours = {parameter.name for parameter in parameters.OURS}
    assert set(parameters.BY_NAME) - ours == set(FACTS)
    assert len(FACTS) == 52


@pytest.mark.parametrize("name", FACTS)
def test_a_setting_nobody_sets_has_the_originals_effect(name):
    """The value is what acts, not what the original's table says."""
    loaded, errors = read()
    assert (loaded.values[name], errors) == (FACTS[name][0], ())
    assert loaded.origins[name].source is Source.DEFAULT


@pytest.mark.parametrize("name", [name for name, facts in FACTS.items() if facts[1] is not None])
@pytest.mark.parametrize("spelling", ["none", "NONE", "None"])
def test_none_is_the_zero_value_and_a_zero_that_cannot_act_is_repaired(name, spelling):
    """As `none` written in any case."""
    loaded, errors = read(**{name: spelling})
    assert (loaded.values[name], errors) == (FACTS[name][1], ())


@pytest.mark.parametrize("name", REPAIRED_SECONDS)
@pytest.mark.parametrize("text", ["0", "-1", "inf", "1e-10"])
def test_a_duration_that_is_not_positive_is_repaired(name, text):
    """What nanoseconds cannot hold is negative to the original as well."""
    loaded, _ = read(**{name: text})
    assert loaded.values[name] == FACTS[name][1]


@pytest.mark.parametrize(
    "name", [name for name, facts in FACTS.items() if facts[2] and name not in FATAL]
)
def test_an_invalid_value_gives_way_to_the_default_with_a_warning(name):
    """The environment's invalid value hides a valid one in the file, as in the original."""
    text = FACTS[name][2]
    loaded, _ = read(f"{name} = none", DatastoreType="kubernetes", **{name: text})
    assert loaded.values[name] == FACTS[name][0]
    (warning,) = [note for note in loaded.notes if "invalid" in note.message]
    assert warning.level == logging.WARNING
    assert warning.fields["setting"] == name
    assert warning.fields["value"] == text


@pytest.mark.parametrize("name", sorted(FATAL))
def test_some_invalid_values_forbid_to_start(name):
    """Where the original tries for ever, or would silently serve plaintext."""
    _, errors = read(**{name: FACTS[name][2]})
    assert [error.setting for error in errors] == [f"TYPHA_{name.upper()}"]
    assert errors[0].value == FACTS[name][2]
    assert str(errors[0]).startswith(f"TYPHA_{name.upper()}: '{FACTS[name][2]}' cannot be used")


def test_the_datastore_cannot_be_none():
    """It is the one setting that may not be zero."""
    _, (error,) = read(DatastoreType="None")
    assert "one of kubernetes, etcdv3, file" in str(error)


def test_the_environment_wins_over_the_file_however_the_file_spells_a_name():
    """In the original only over its canonical spelling."""
    loaded, _ = read("HEALTHPORT: 1\nserverport = 2\nDebugPort = 3", HealthPort="10")
    values = loaded.values
    assert (values["HealthPort"], values["ServerPort"], values["DebugPort"]) == (10, 2, 3)
    assert loaded.origins["HealthPort"].source is Source.ENVIRONMENT
    assert loaded.origins["DebugPort"].source is Source.FILE


def test_an_empty_variable_counts_as_not_set():
    """So the file's value acts; a user is told how to write an empty one."""
    loaded, _ = read("ServerHost = 10.0.0.1", ServerHost="")
    assert loaded.values["ServerHost"] == "10.0.0.1"
    assert "write none" in loaded.notes[0].message


def test_an_unknown_name_is_ignored_and_told():
    """The image's own file has one."""
    loaded, errors = read("[global]\nMetadataAddr = None\nLogFilePath = None\n")
    assert errors == ()
    assert loaded.values["LogFilePath"] == ""
    unknown = [note.fields for note in loaded.notes if "unknown" in note.message]
    assert unknown == [{"setting": "MetadataAddr", "source": "file"}]


@pytest.mark.parametrize(
    ("ping", "pong", "acts"),
    [("10", "20", 60.0), ("10", "20.1", 20.1), ("7", "none", 42.0), ("none", "-1", 60.0)],
)
def test_a_pong_timeout_within_two_pings_becomes_six_of_them(ping, pong, acts):
    """So that one lost ping never ends a connection."""
    loaded, _ = read(ServerPingIntervalSecs=ping, ServerPongTimeoutSecs=pong)
    assert loaded.values["ServerPongTimeoutSecs"] == acts


def test_workers_default_to_the_cpus_there_are():
    """Zero and none mean the same."""
    assert read()[0].settings.processes.workers == 3
    assert read(Workers="none")[0].settings.processes.workers == 3
    assert read(Workers="8")[0].settings.processes.workers == 8


NAMES = st.sampled_from([parameter.name for parameter in parameters.PARAMETERS])
TEXTS = st.text(max_size=12) | st.sampled_from(["none", "0", "-1", "true", "1e400", "/etc", "a:1"])


@given(st.dictionaries(NAMES, TEXTS, max_size=6), st.text(max_size=30))
def test_whatever_is_written_only_config_errors_come_of_it(environ, text):
    """And every setting has a value of its own type."""
    loaded, errors = read(text, **environ)
    assert all(isinstance(error, ConfigError) for error in errors)
    for parameter in parameters.PARAMETERS:
        value = loaded.values[parameter.name]
        assert type(value) is type(parameter.kind.zero)
