"""What tests against the fake API server share."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.fake_api import FakeApi
from tests.typha.datastore.recording import Recording
from typha.config.settings import DatastoreSettings, KubernetesSettings
from typha.datastore import waits
from typha.datastore.k8s import client, gate, streams

CRD = "/apis/crd.projectcalico.org/v1"
PATHS = {
    "pods": "/api/v1/pods",
    "nodes": "/api/v1/nodes",
    "tiers.projectcalico.org": f"{CRD}/tiers",
    "clusterinformations.projectcalico.org": f"{CRD}/clusterinformations",
    "virtualmachineinstancemigrations.kubevirt.io": (
        "/apis/kubevirt.io/v1/virtualmachineinstancemigrations"
    ),
}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten every wait, so that trouble is over soon."""
    monkeypatch.setattr(waits, "SPACING_SECONDS", 0.01)
    monkeypatch.setattr(waits, "MISSING_SECONDS", 0.05)
    monkeypatch.setattr(waits, "FORBIDDEN", waits.Growth(0.05, 0.1))
    monkeypatch.setattr(waits, "TROUBLE", waits.Growth(0.02, 0.05))
    monkeypatch.setattr(gate, "AWAY", waits.Growth(0.02, 0.1))
    monkeypatch.setattr(client, "LEAST_RELOAD_SECONDS", 0.02)
    monkeypatch.setattr(streams, "PROBE_SECONDS", 0.1)
    monkeypatch.setattr(streams, "PROBE_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(streams, "PROBE_ANSWER_SECONDS", 30.0)  # the server is slow, not away
    monkeypatch.setattr(streams, "INITIALISE_SECONDS", 0.05)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """Run an API server that serves all of PATHS, empty but for a node."""
    with FakeApi(page_limit_holds=True) as server:
        for path in PATHS.values():
            server.serve(path)
        server.put(PATHS["nodes"], {"metadata": {"name": "n1"}})
        yield server


Following = Callable[..., contextlib.AbstractContextManager[Recording]]


@pytest.fixture
def following(api: FakeApi) -> Following:
    """Give a function that follows the fake API server for as long as it is entered."""

    @contextlib.contextmanager
    def follow(*resources: str, silent_after: float = 60.0, **more: object) -> Iterator[Recording]:
        kubernetes = KubernetesSettings(endpoint=api.url, **more)
        settings = DatastoreSettings(
            type="kubernetes", kubernetes=kubernetes, watch_silent_after=silent_after
        )
        inbox = Recording()
        source = streams.open_source(settings, resources or PATHS)
        source.start(inbox)
        try:
            yield inbox
        finally:
            source.stop()

    return follow
