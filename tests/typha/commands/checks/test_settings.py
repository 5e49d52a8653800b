"""What `typha check` says of settings."""

from typha.commands.checks import settings
from typha.config import loading
from typha.config.findings import Verdict
from typha.config.resolution import Surroundings


def found(environ, exists=lambda _path: True):
    """Return the findings about an environment, by their subjects."""
    around = Surroundings(environ=environ, cpus=2, exists=exists)
    loaded, errors = loading.interpret(None, "typha.cfg", around)
    return {finding.subject: finding for finding in settings.find(loaded, errors)}


def test_what_forbids_to_start_is_an_error_with_what_is_accepted():
    """The same words that the server would use."""
    finding = found({"TYPHA_DATASTORETYPE": "mysql"})["TYPHA_DATASTORETYPE"]
    assert finding.verdict is Verdict.ERROR
    assert finding.hint == "expected one of kubernetes, etcdv3, file"


def test_an_unknown_name_is_a_warning_with_the_one_that_was_meant():
    """The server itself only ignores it."""
    findings = found({"TYPHA_HEALTHENABLDE": "true", "TYPHA_WHATEVER": "x"})
    assert findings["healthenablde"].verdict is Verdict.WARNING
    assert findings["healthenablde"].hint == "is HealthEnabled meant?"
    assert findings["whatever"].hint == ""


def test_a_replaced_value_is_a_warning():
    """With what acts now."""
    finding = found({"TYPHA_SERVERPORT": "x"})["ServerPort"]
    assert finding.verdict is Verdict.WARNING
    assert "default 5473" in finding.message


def test_plaintext_is_a_warning_and_tls_says_who_may_come_in():
    """By either name."""
    assert found({})["TLS"].verdict is Verdict.WARNING
    tls = {
        "TYPHA_SERVERKEYFILE": "/k",
        "TYPHA_SERVERCERTFILE": "/c",
        "TYPHA_CAFILE": "/a",
        "TYPHA_CLIENTCN": "node",
        "TYPHA_CLIENTURISAN": "spiffe://n",
    }
    finding = found(tls)["TLS"]
    assert finding.verdict is Verdict.OK
    assert finding.message.endswith("the common name node or the URI spiffe://n")


def test_more_workers_than_cpus_cannot_help():
    """They would only take turns."""
    assert found({"TYPHA_WORKERS": "1"})["Workers"].verdict is Verdict.OK
    assert found({"TYPHA_WORKERS": "1000"})["Workers"].verdict is Verdict.WARNING


def test_https_for_metrics_needs_both_files():
    """The original would serve no metrics, with hardly a word."""
    environ = {"TYPHA_PROMETHEUSMETRICSENABLED": "1", "TYPHA_PROMETHEUSMETRICSCERTFILE": "/c"}
    assert found(environ)["PrometheusMetricsKeyFile"].verdict is Verdict.ERROR
    environ["TYPHA_PROMETHEUSMETRICSKEYFILE"] = "/k"
    assert "PrometheusMetricsKeyFile" not in found(environ)
