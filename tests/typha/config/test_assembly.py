"""The rules that join several settings, and what the parts of the server are handed."""

import logging

import pytest

from typha.config import loading, settings
from typha.config.resolution import Surroundings

FILES = ("/tls/key", "/tls/cert", "/tls/ca")
TLS = {
    "TYPHA_SERVERKEYFILE": "/tls/key",
    "TYPHA_SERVERCERTFILE": "/tls/cert",
    "TYPHA_CAFILE": "/tls/ca",
    "TYPHA_CLIENTCN": "calico-node",
}


def read(environ, exists=FILES):
    """Interpret an environment where only some files exist."""
    around = Surroundings(environ=environ, cpus=2, exists=lambda path: path in exists)
    return loading.interpret(None, "typha.cfg", around)


def errors(environ, exists=FILES):
    """Return what forbids to start, as (setting, value)."""
    return [(error.setting, error.value) for error in read(environ, exists)[1]]


def test_the_defaults_of_the_parts_are_the_defaults_of_the_settings():
    """So that a part made in a test acts like one that nobody configured."""
    loaded, _ = read({})
    defaults = settings.Settings()
    assert loaded.settings.server == defaults.server
    assert loaded.settings.tls == defaults.tls
    assert loaded.settings.health == defaults.health
    assert loaded.settings.metrics == defaults.metrics
    assert loaded.settings.rebalancing == defaults.rebalancing
    assert loaded.settings.shutdown == defaults.shutdown
    assert loaded.settings.debug == defaults.debug


def test_the_environment_of_the_operators_deployment():
    """All it sets arrives where it is needed."""
    loaded, wrong = read(
        {
            "TYPHA_LOGSEVERITYSCREEN": "info",
            "TYPHA_LOGFILEPATH": "none",
            "TYPHA_LOGSEVERITYSYS": "none",
            "TYPHA_CONNECTIONREBALANCINGMODE": "kubernetes",
            "TYPHA_DATASTORETYPE": "kubernetes",
            "TYPHA_HEALTHENABLED": "true",
            "TYPHA_HEALTHPORT": "9098",
            "TYPHA_K8SNAMESPACE": "calico-system",
            "TYPHA_SHUTDOWNTIMEOUTSECS": "300",
            "FELIX_INTERFACEPREFIX": "eni,cali",
            **TLS,
        }
    )
    made = loaded.settings
    assert wrong == ()
    assert made.logs.severity_screen == "INFO"
    assert (made.logs.file_path, made.logs.severity_sys) == ("", "")
    assert made.rebalancing.enabled
    assert made.rebalancing.namespace == "calico-system"
    assert made.datastore.type == "kubernetes"
    assert made.datastore.interface_prefix == "eni"
    assert made.health.enabled
    assert made.tls.enabled
    assert made.tls.client_cn == "calico-node"


@pytest.mark.parametrize(
    ("lacking", "named"),
    [
        ("TYPHA_SERVERKEYFILE", "ServerKeyFile"),
        ("TYPHA_SERVERCERTFILE", "ServerCertFile"),
        ("TYPHA_CAFILE", "CAFile"),
        ("TYPHA_CLIENTCN", "ClientCN or ClientURISAN"),
    ],
)
def test_tls_is_all_or_nothing(lacking, named):
    """The original would try for ever to load such a configuration."""
    environ = {name: value for name, value in TLS.items() if name != lacking}
    assert errors(environ) == [(named, "")]


@pytest.mark.parametrize("only", [*TLS, "TYPHA_CLIENTURISAN"])
def test_whoever_asks_for_any_part_of_tls_never_gets_plaintext(only):
    """One setting is enough to show what was meant; all that it lacks is named."""
    value = TLS.get(only, "spiffe://node")
    loaded, (wrong,) = read({only: value})
    needed = ["ServerKeyFile", "ServerCertFile", "CAFile", "ClientCN or ClientURISAN"]
    missing = [name for name in needed if f"TYPHA_{name.upper()}" != only]
    if "CLIENT" in only:
        missing.pop()
    assert wrong.setting == missing[0]
    given = next(name for name in loaded.values if f"TYPHA_{name.upper()}" == only)
    assert wrong.accepted == (
        f"with {given} set, TLS for clients needs {', '.join(missing)} as well"
    )


def test_a_uri_does_in_place_of_a_name():
    """Either of them is enough."""
    environ = {**TLS, "TYPHA_CLIENTCN": "none", "TYPHA_CLIENTURISAN": "spiffe://node"}
    loaded, wrong = read(environ)
    assert wrong == ()
    assert (loaded.settings.tls.client_cn, loaded.settings.tls.client_uri_san) == (
        "",
        "spiffe://node",
    )


def test_a_tls_file_that_is_not_there_is_named_and_nothing_else():
    """With no other TLS setting, the original serves plaintext in silence."""
    assert errors({"TYPHA_CAFILE": "/gone"}) == [("TYPHA_CAFILE", "/gone")]
    assert errors(TLS, exists=FILES[1:]) == [("TYPHA_SERVERKEYFILE", "/tls/key")]


@pytest.mark.parametrize(
    ("batch", "message", "kvs"),
    [({}, {}, 1000), ("50", None, 50), (None, "20", 20), ("30", "none", 30), ("5000", None, 1000)],
)
def test_batches_are_large_unless_somebody_sets_their_size(batch, message, kvs):
    """The original's default of 100 would only cost; clients take any size."""
    environ = {}
    if batch:
        environ["TYPHA_SNAPSHOTCACHEMAXBATCHSIZE"] = batch
    if message:
        environ["TYPHA_SERVERMAXMESSAGESIZE"] = message
    assert read(environ)[0].settings.server.max_batch_kvs == kvs


def test_units_are_seconds_and_bytes():
    """Whatever a setting's own unit is."""
    environ = {
        "TYPHA_BATCHWINDOWMILLIS": "20",
        "TYPHA_REPLAYWINDOWMIB": "2",
        "TYPHA_MAXEGRESSMIBPERSEC": "3",
        "TYPHA_SERVERWRITETIMEOUTSECS": "7.5",
    }
    server = read(environ)[0].settings.server
    assert server.batch_window == 0.02
    assert server.replay_window == 2 * 1024 * 1024
    assert server.max_egress_per_second == 3 * 1024 * 1024
    assert server.write_timeout == 7.5


@pytest.mark.parametrize("text", ["0", "none", "-3", "1e-9"])
def test_polling_without_a_pause_is_refused_only_with_rebalancing(text):
    """There the original panics."""
    environ = {"TYPHA_K8SSERVICEPOLLINTERVALSECS": text}
    assert errors(environ) == []
    environ["TYPHA_CONNECTIONREBALANCINGMODE"] = "kubernetes"
    assert errors(environ) == [("K8sServicePollIntervalSecs", text)]


def test_a_log_file_that_somebody_asked_for_is_required():
    """The default one is not: nobody may have a folder for it."""
    assert not read({})[0].settings.logs.file_required
    assert read({"TYPHA_LOGFILEPATH": "/x"})[0].settings.logs.file_required


def test_a_peer_certificate_needs_its_key():
    """One of them alone proves nothing."""
    assert errors({"TYPHA_PEERCERTFILE": "/tls/cert"}) == [("PeerKeyFile", "")]
    assert errors({"TYPHA_PEERKEYFILE": "/tls/key"}) == [("PeerCertFile", "")]
    assert errors({"TYPHA_PEERCERTFILE": "/gone"}) == [("TYPHA_PEERCERTFILE", "/gone")]


def test_a_warm_start_needs_its_folder():
    """Otherwise there would be nothing to start from, ever."""
    assert errors({"TYPHA_WARMSTART": "true"}) == [("CheckpointDir", "")]
    assert errors({"TYPHA_WARMSTART": "true", "TYPHA_CHECKPOINTDIR": "/var/typha"}) == []


def test_an_unknown_cipher_suite_forbids_to_start_where_there_is_tls():
    """Elsewhere it is a warning: the original does not look at it either."""
    environ = {"TLS_CIPHER_SUITES": "TLS_RSA_WITH_AES_128_GCM_SHA256,RC4"}
    loaded, wrong = read({**environ, "TYPHA_DATASTORETYPE": "kubernetes"})
    assert wrong == ()
    assert [note.fields for note in loaded.notes if note.level == logging.WARNING] == [
        {"unknown": "RC4"}
    ]
    assert errors({**environ, **TLS}) == [("TLS_CIPHER_SUITES", "RC4")]
    assert errors({**environ, "TYPHA_DATASTORETYPE": "etcdv3"}) == [("TLS_CIPHER_SUITES", "RC4")]
    metrics = {"TYPHA_PROMETHEUSMETRICSENABLED": "1", "TYPHA_PROMETHEUSMETRICSCERTFILE": "/x"}
    kubernetes = {**environ, **metrics, "TYPHA_DATASTORETYPE": "kubernetes"}
    assert errors(kubernetes) == [("TLS_CIPHER_SUITES", "RC4")]


def test_an_unknown_tls_version_means_1_2_with_a_warning():
    """As in the original."""
    loaded, wrong = read({"TLS_MIN_VERSION": "1.1"})
    assert wrong == ()
    assert loaded.settings.tls.policy.min_version == "1.2"
    assert [note.fields["value"] for note in loaded.notes if note.level == logging.WARNING] == [
        "1.1"
    ]
