"""Which datastore acts, and what Calico's own variables say about it."""

import pytest

from typha.config import loading
from typha.config.resolution import Surroundings

KUBERNETES = {"TYPHA_DATASTORETYPE": "kubernetes"}
ETCD = {"TYPHA_DATASTORETYPE": "etcdv3"}


def read(environ, exists=()):
    """Interpret an environment where only some files exist."""
    around = Surroundings(environ=environ, cpus=2, exists=lambda path: path in exists)
    loaded, errors = loading.interpret(None, "typha.cfg", around)
    return loaded.settings.datastore, [(error.setting, error.value) for error in errors]


@pytest.mark.parametrize(
    ("environ", "acts"),
    [
        ({}, "etcdv3"),
        (KUBERNETES, "kubernetes"),
        (
            {**KUBERNETES, "DATASTORE_TYPE": "kubernetes", "ETCD_ENDPOINTS": "http://e:1"},
            "kubernetes",
        ),
        ({**KUBERNETES, "DATASTORE_TYPE": "etcdv3", "ETCD_ENDPOINTS": "http://e:1"}, "etcdv3"),
        ({**KUBERNETES, "ETCD_ENDPOINTS": "http://e:1"}, "etcdv3"),
        ({**KUBERNETES, "CALICO_ETCD_ENDPOINTS": "http://e:1"}, "etcdv3"),
        ({**KUBERNETES, "ETCD_ENDPOINTS": ""}, "kubernetes"),
        (
            {**KUBERNETES, "CALICO_DATASTORE_TYPE": "kubernetes", "DATASTORE_TYPE": "etcdv3"},
            "kubernetes",
        ),
        ({**ETCD, "DATASTORE_TYPE": "kubernetes"}, "etcdv3"),
        (
            {"TYPHA_DATASTORETYPE": "file", "TYPHA_MANIFESTDIR": "/m", "DATASTORE_TYPE": "etcdv3"},
            "file",
        ),
    ],
)
def test_calicos_variables_decide_where_typha_says_kubernetes(environ, acts):
    """And only there."""
    datastore, errors = read(environ)
    assert (datastore.type, errors) == (acts, [])


def test_an_unknown_datastore_is_refused():
    """The original would try for ever."""
    assert read({**KUBERNETES, "DATASTORE_TYPE": "etcdv2"})[1] == [("DATASTORE_TYPE", "etcdv2")]


def test_files_need_to_be_named():
    """There is no folder one could guess."""
    assert read({"TYPHA_DATASTORETYPE": "file"})[1] == [("ManifestDir", "")]


def test_how_to_reach_the_api_server_comes_from_calicos_variables():
    """With the prefix first, without it otherwise."""
    datastore, errors = read(
        {
            **KUBERNETES,
            "KUBECONFIG": "/a:/b",
            "CALICO_K8S_API_ENDPOINT": "https://prefixed:6443",
            "K8S_API_ENDPOINT": "https://plain:6443",
            "K8S_CA_FILE": "/ca",
            "K8S_KEY_FILE": "/key",
            "K8S_CERT_FILE": "/cert",
            "CALICO_K8SAPITOKEN": "secret",
            "K8S_INSECURE_SKIP_TLS_VERIFY": "F",
            "K8S_CURRENT_CONTEXT": "prod",
            "K8S_CLIENT_QPS": "7.5",
            "K8S_CLIENT_BURST": "0x10",
            "CALICO_API_GROUP": "projectcalico.org/v3",
            "USE_POD_CIDR": "true",
            "HOME": "/home/u",
        }
    )
    reach = datastore.kubernetes
    assert errors == []
    assert reach.kubeconfig == ("/a", "/b")
    assert reach.home_kubeconfig == "/home/u/.kube/config"
    assert reach.endpoint == "https://prefixed:6443"
    assert (reach.ca_file, reach.key_file, reach.cert_file) == ("/ca", "/key", "/cert")
    assert reach.token == "secret"
    assert "secret" not in repr(datastore)
    assert not reach.insecure_skip_tls_verify
    assert (reach.context, reach.qps, reach.burst) == ("prod", 7.5, 16)
    assert reach.api_group == "projectcalico.org/v3"
    assert datastore.use_pod_cidr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("K8S_INSECURE_SKIP_TLS_VERIFY", ""),
        ("K8S_INSECURE_SKIP_TLS_VERIFY", "yes"),
        ("CALICO_K8S_CLIENT_QPS", "fast"),
        ("K8S_CLIENT_BURST", "1.5"),
        ("USE_POD_CIDR", "on"),
    ],
)
def test_a_variable_that_cannot_be_read_forbids_to_start(name, text):
    """Even an empty one: the original panics on it."""
    assert read({**KUBERNETES, name: text})[1] == [(name, text)]


def test_authorities_and_no_check_contradict_each_other():
    """The original's client would say so for ever."""
    insecure = {**KUBERNETES, "K8S_INSECURE_SKIP_TLS_VERIFY": "true"}
    datastore, errors = read(insecure)
    assert datastore.kubernetes.insecure_skip_tls_verify
    assert errors == []
    assert read({**insecure, "CALICO_K8S_CA_FILE": "/ca"})[1] == [("K8S_CA_FILE", "/ca")]


def test_where_typha_says_etcd_calicos_variables_are_not_read():
    """Not one of them, as in the original."""
    environ = {**ETCD, "ETCD_ENDPOINTS": "http://other:1", "USE_POD_CIDR": "on"}
    datastore, errors = read({**environ, "ETCD_USERNAME": "u", "ETCD_PASSWORD": "p"})
    assert errors == []
    assert datastore.etcd.endpoints == ("http://127.0.0.1:2379",)
    assert datastore.etcd.username == ""
    assert not datastore.use_pod_cidr


def test_endpoints_come_before_address_and_scheme():
    """Which serve where there are none."""
    environ = {**ETCD, "TYPHA_ETCDADDR": "e:1", "TYPHA_ETCDSCHEME": "https"}
    assert read(environ)[0].etcd.endpoints == ("https://e:1",)
    environ["TYPHA_ETCDENDPOINTS"] = "http://a:1, http://b:2"
    assert read(environ)[0].etcd.endpoints == ("http://a:1/", "http://b:2/")


@pytest.mark.parametrize("name", ["ETCDADDR", "ETCDSCHEME"])
def test_an_etcd_without_any_endpoint_is_refused(name):
    """The original would try for ever."""
    ((setting, _),) = read({**ETCD, f"TYPHA_{name}": "none"})[1]
    assert setting.upper() == name


def test_etcds_files_matter_only_where_etcd_is_used():
    """A stale setting keeps no Kubernetes user from starting, but would cost an etcd user TLS."""
    environ = {"TYPHA_ETCDCAFILE": "/gone"}
    assert read({**KUBERNETES, **environ})[1] == []
    assert read({**ETCD, **environ})[1] == [("TYPHA_ETCDCAFILE", "/gone")]


def test_etcds_key_and_certificate_go_together():
    """The original would try for ever."""
    environ = {**ETCD, "TYPHA_ETCDKEYFILE": "/key", "TYPHA_ETCDCERTFILE": "/cert"}
    assert read(environ, exists=("/key", "/cert"))[1] == []
    assert read(environ, exists=("/cert",))[1] == [("TYPHA_ETCDKEYFILE", "/key")]
    del environ["TYPHA_ETCDKEYFILE"]
    assert read(environ, exists=("/cert",))[1] == [("EtcdKeyFile", "")]


def test_calicos_etcd_variables():
    """User and password act only together."""
    environ = {**KUBERNETES, "ETCD_ENDPOINTS": "https://a:1,https://b:1", "ETCD_USERNAME": "u"}
    environ |= {"ETCD_CA_CERT_FILE": "/ca"}
    datastore, errors = read(environ, exists=("/ca",))
    assert errors == []
    assert datastore.etcd.endpoints == ("https://a:1", "https://b:1")
    assert datastore.etcd.ca_file == "/ca"
    assert datastore.etcd.username == ""
    datastore, _ = read({**environ, "ETCD_PASSWORD": "hunter2"}, exists=("/ca",))
    assert (datastore.etcd.username, datastore.etcd.password) == ("u", "hunter2")
    assert "hunter2" not in repr(datastore)


@pytest.mark.parametrize(
    ("environ", "refused"),
    [
        ({"DATASTORE_TYPE": "etcdv3"}, "ETCD_ENDPOINTS"),
        ({"ETCD_ENDPOINTS": "http://a:1", "ETCD_DISCOVERY_SRV": "x.org"}, "ETCD_DISCOVERY_SRV"),
        ({"ETCD_ENDPOINTS": "http://a:1", "ETCD_CA_CERT_FILE": "/gone"}, "ETCD_CA_CERT_FILE"),
        ({"ETCD_ENDPOINTS": "http://a:1", "ETCD_KEY_FILE": "/key"}, "ETCD_CERT_FILE"),
    ],
)
def test_calicos_etcd_variables_that_cannot_work(environ, refused):
    """No endpoint, two ways to find them, files that are not there."""
    _, errors = read({**KUBERNETES, **environ}, exists=("/key",))
    assert [setting for setting, _ in errors] == [refused]


def test_a_domain_serves_in_place_of_endpoints():
    """Its members are then looked up in DNS."""
    datastore, errors = read({**KUBERNETES, "DATASTORE_TYPE": "etcdv3", "ETCD_DISCOVERY_SRV": "x"})
    assert (datastore.etcd.discovery_srv, errors) == ("x", [])
