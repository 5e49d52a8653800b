"""Asking an API server how many Typhas there are."""

import time
from contextlib import contextmanager

import pytest

from tests.fake_api import FakeApi, Trouble
from typha.config.settings import RebalancingSettings
from typha.dialing import Address
from typha.watcher import neighbours
from typha.watcher.neighbours import Neighbours
from typha.watcher.service import Found, Unknown

PATH = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
TYPHA = Address("10.0.0.1", 5473)
SLICE = {
    "metadata": {"name": "calico-typha-x", "namespace": "kube-system"},
    "ports": [{"name": "calico-typha", "port": 5473}],
    "endpoints": [{"addresses": ["10.0.0.1"]}],
}
FOUND = Found(1, frozenset({TYPHA}))


@pytest.fixture
def api():
    """Run an API server with one slice."""
    with FakeApi() as started:
        started.serve(PATH)
        started.put(PATH, SLICE)
        yield started


@pytest.fixture
def settings(api, tmp_path):
    """Point to it."""
    path = tmp_path / "kubeconfig"
    path.write_text(
        "{kind: Config, apiVersion: v1, current-context: c,"
        "contexts: [{name: c, context: {cluster: here, user: me}}],"
        f"clusters: [{{name: here, cluster: {{server: '{api.url}'}}}}],"
        "users: [{name: me, user: {token: secret}}]}"
    )
    return RebalancingSettings(enabled=True, poll_interval=0.01, kubeconfig=(str(path),))


def test_it_asks_as_the_reference_does(api, settings):
    """One list of the slices of one Service, in one namespace."""
    assert Neighbours(settings).poll() == FOUND
    (request,) = api.requests
    assert (request.method, request.path) == ("GET", PATH)
    assert request.query == {"labelSelector": "kubernetes.io/service-name=calico-typha"}
    assert request.headers["authorization"] == "Bearer secret"


@contextmanager
def away(api):
    """Stop the server for a while."""
    api.stop()
    yield
    api.restart()


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Trouble(status=403), "told to say 403"),
        (Trouble(status=500), "told to say 500"),
        (Trouble(status=404, body=b"404 page not found\n"), "404"),
        (Trouble(reset=True), ""),
        (Trouble(cut_after=20), "broken off"),
        (Trouble(status=200, body=b"<html>"), "not JSON"),
    ],
)
def test_what_is_not_an_answer_is_unknown_and_says_why(api, settings, trouble, said):
    """And the next poll is as good as any."""
    asking = Neighbours(settings)
    api.trouble[PATH] = trouble
    news = asking.poll()
    assert isinstance(news, Unknown)
    assert said in news.error
    api.trouble.clear()
    assert asking.poll() == FOUND


def test_a_server_that_is_away_is_unknown(api, settings):
    """It is asked again with the next poll."""
    asking = Neighbours(settings)
    with away(api):
        assert isinstance(asking.poll(), Unknown)
    assert asking.poll() == FOUND


def test_an_answer_that_drips_in_is_given_up(api, settings, monkeypatch):
    """A poll has its time, whatever the server does with it."""
    monkeypatch.setattr(neighbours, "POLL_LIMIT_SECONDS", 0.05)
    api.trouble[PATH] = Trouble(drip=0.01)
    assert Neighbours(settings).poll() == Unknown("no whole answer within 0.05 s")


def test_without_an_account_nothing_is_known(tmp_path):
    """Neither a kubeconfig nor a pod's."""
    nowhere = RebalancingSettings(enabled=True, kubeconfig=(str(tmp_path / "none"),))
    assert isinstance(Neighbours(nowhere).poll(), Unknown)


def test_a_bug_does_not_end_the_counting(settings, monkeypatch, caplog):
    """It shows in the log, and the next poll is made."""
    asking = Neighbours(settings)
    polls = iter([LookupError("a bug"), FOUND])

    def poll():
        news = next(polls, FOUND)
        if isinstance(news, Exception):
            raise news
        return news

    monkeypatch.setattr(asking, "poll", poll)
    asking.start()
    until = time.monotonic() + 90
    while asking.take() != FOUND:
        assert time.monotonic() < until
        time.sleep(0.005)
    asking.stop()
    assert "the Typhas are counted anew" in caplog.messages


def test_the_newest_count_is_taken_once(api, settings, caplog):
    """Trouble that lasts is told once."""
    asking = Neighbours(settings)
    api.trouble[PATH] = Trouble(status=500)
    assert asking.take() is None
    asking.start()
    api.wait_for_request(PATH, watch=False, count=4)
    api.trouble.clear()
    until = time.monotonic() + 90
    while asking.take() != FOUND:
        assert time.monotonic() < until
        time.sleep(0.005)
    asking.stop()
    assert caplog.messages.count("cannot count the Typhas") == 1
