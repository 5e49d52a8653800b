"""A cluster for the tests of this folder, started once; and a source that follows it."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration import building
from tests.integration.cluster import USER, ApiServer, Etcd
from tests.typha.datastore.recording import Recording
from typha.config.settings import DatastoreSettings, KubernetesSettings
from typha.datastore.k8s import kinds, streams

BUILD_SECONDS = 3600


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests here, and give the first one time to build what is needed."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Etcd, ApiServer]]:
    """Run etcd and kube-apiserver with all definitions and the user's role."""
    if reason := building.missing():
        pytest.skip(reason)
    building.build()
    folder = tmp_path_factory.mktemp("cluster")
    etcd = Etcd(folder)
    etcd.start()
    server = ApiServer(folder, etcd)
    try:
        server.start()
        server.prepare()
        yield etcd, server
    finally:
        server.stop()
        etcd.stop()


@pytest.fixture
def etcd(cluster: tuple[Etcd, ApiServer]) -> Etcd:
    """Give the cluster's etcd."""
    return cluster[0]


@pytest.fixture
def server(cluster: tuple[Etcd, ApiServer]) -> ApiServer:
    """Give the cluster's API server."""
    return cluster[1]


@pytest.fixture
def kubeconfig(server: ApiServer, tmp_path: Path) -> Path:
    """Write a kubeconfig of the user, whose token is in a file that ends in a newline."""
    (tmp_path / "token").write_text(f"{USER}\n")
    path = tmp_path / "kubeconfig"
    path.write_text(
        "{kind: Config, apiVersion: v1, current-context: typha,"
        "contexts: [{name: typha, context: {cluster: here, user: typha}}],"
        f"clusters: [{{name: here, cluster: {{server: '{server.url}',"
        f" certificate-authority: '{server.ca_file}'}}}}],"
        "users: [{name: typha, user: {tokenFile: token}}]}"
    )
    return path


Following = Callable[..., contextlib.AbstractContextManager[Recording]]


@pytest.fixture
def following(kubeconfig: Path) -> Following:
    """Give a function that follows the cluster for as long as it is entered."""

    @contextlib.contextmanager
    def follow(*resources: str) -> Iterator[Recording]:
        kubernetes = KubernetesSettings(kubeconfig=(str(kubeconfig),))
        settings = DatastoreSettings(type="kubernetes", kubernetes=kubernetes)
        inbox = Recording()
        source = streams.open_source(settings, resources or kinds.BY_NAME)
        source.start(inbox)
        try:
            yield inbox
        finally:
            source.stop()

    return follow
