"""What nobody else may see: keys, passwords and tokens, the run directory, and false log lines."""

import contextlib
import dataclasses
import socket
import stat
import subprocess
import sys
import urllib.request

import pytest

from benchmarks import free_ports
from tests.e2e.server import running, wait_for
from tests.e2e.test_looking import scraped, typha
from typha import dialing
from typha.dialing import Address
from typha.syncproto import generations
from typha.syncproto.messages import SyncerType, SyncStatus

pytestmark = pytest.mark.e2e

PLANTED = {
    "ETCD_USERNAME": "typha",
    "ETCD_PASSWORD": "open-sesame-1",
    "CALICO_K8SAPITOKEN": "open-sesame-2",
    "TYPHA_SOMEAPITOKEN": "open-sesame-3",  # no setting of ours has this name
}
HIDDEN = [value for value in PLANTED.values() if value.startswith("open")]


@pytest.fixture(scope="module")
def ports():
    """Choose ports."""
    return {
        "healthport": free_ports.take(),
        "prometheusmetricsport": free_ports.take(),
        "debugport": free_ports.take(),
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory, ports):
    """Serve an empty folder with secrets in its settings, and all there is to look at on."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "manifests").mkdir()
    settings = {name: str(port) for name, port in ports.items()}
    settings |= {"healthenabled": "true", "prometheusmetricsenabled": "true"}
    settings |= {"healthhost": "127.0.0.1", "prometheusmetricshost": "127.0.0.1"}
    settings |= {"logseverityscreen": "debug", "someapitoken": PLANTED["TYPHA_SOMEAPITOKEN"]}
    with pytest.MonkeyPatch.context() as environ:
        for name, value in PLANTED.items():
            environ.setenv(name, value)
        with running(folder, folder / "manifests", **settings) as started:
            started.follower()
            for port in ports.values():
                wait_for(lambda port=port: is_served(port), f"port {port}")
            yield started


def is_served(port):
    """Tell whether somebody listens."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10):
        return True
    return False


def secrets(server):
    """List what must not be seen: what was planted, and the inside of every key."""
    keys = [path.read_text().splitlines()[1] for path in server.certificates.glob("*.key")]
    return [*HIDDEN, *keys]


def seen(server, text):
    """Find the secrets that a text tells."""
    return [secret for secret in secrets(server) if secret in text]


def test_logs_tell_no_secrets(server):
    """Not at the most talkative either."""
    log = server.log()
    assert "SOMEAPITOKEN" in log.upper(), "what is unknown is named"
    assert not seen(server, log)


def test_pages_tell_no_secrets(server, ports):
    """Health, metrics, status, stacks."""
    found = []
    for port in ports.values():
        for path in (
            "/",
            "/status",
            "/status.json",
            "/readiness",
            "/metrics",
            "/debug",
            "/stacks",
        ):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as page:
                    found.append(page.read().decode())
            except OSError:
                continue  # not there, or not well
    assert len(found) >= 3
    assert not seen(server, "\n".join(found))


@pytest.mark.parametrize("layout", ["text", "json"])
@pytest.mark.parametrize("datastore", ["etcdv3", "kubernetes"])
@pytest.mark.parametrize("command", ["config", "check"])
def test_commands_tell_no_secrets(server, command, datastore, layout):
    """They show every setting, and stand something in for these."""
    done = subprocess.run(
        [sys.executable, "-m", "typha", command, "--format", layout],
        env={
            "PATH": "/usr/bin:/bin",
            "TYPHA_DATASTORETYPE": datastore,
            "K8S_API_ENDPOINT": "http://127.0.0.1:1",
            "ETCD_ENDPOINTS": "http://127.0.0.1:1",
            **PLANTED,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout
    assert command == "check" or "redacted" in done.stdout
    assert not seen(server, done.stdout + done.stderr)


def test_the_run_directory_and_all_in_it_is_private(server):
    """Its sockets too: whoever cannot enter the folder cannot reach them."""
    folder = server.run_directory
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # a snapshot nobody needs any more
            mode = file.stat().st_mode
            assert stat.S_ISSOCK(mode) or not stat.S_IMODE(mode) & 0o077, file


def test_a_key_that_everybody_can_read_is_warned_about(tmp_path):
    """In the log of every start; its group may be the server's own."""
    (tmp_path / "manifests").mkdir()
    with running(tmp_path, tmp_path / "manifests") as first:
        assert "can be read by everybody" not in first.log()
        key = first.certificates / "typha.key"
    key.chmod(0o644)
    with running(tmp_path, tmp_path / "manifests") as second:
        line = next(line for line in second.log().splitlines() if "read by everybody" in line)
        assert "ServerKeyFile" in line
        assert "0644" in line


def test_what_a_client_calls_itself_makes_no_line_of_its_own(server):
    """Nor does it colour the operator's terminal."""
    hello = generations.hello(
        SyncerType.FELIX, hostname="node\n2026-01-01 [FATAL] all is lost\x1b[31m\u2028"
    )
    connection = dialing.connect(Address("127.0.0.1", server.port), hello, tls=server.tls)
    next(iter(connection))
    connection.close()
    wait_for(lambda: "all is lost" in server.log(), "the name to be logged")
    told = [line for line in server.log().split("\n") if "all is lost" in line]
    assert not [line for line in told if line.startswith("2026-01-01 [FATAL]")]
    assert not {"\x1b", "\u2028", "\r"} & set("".join(told))


def test_a_client_whose_name_is_no_text_harms_nobody(server, ports):
    """Go's strings are any bytes: what is no UTF-8 is shown as such."""
    witness = server.follower()
    hello = generations.hello(SyncerType.FELIX, hostname="node\udcff")
    odd = dataclasses.replace(hello, version="v3\udcff")
    connection = dialing.connect(Address("127.0.0.1", server.port), odd, tls=server.tls)
    try:
        series = 'typha_client_versions{version="v3\ufffd"}'
        wait_for(lambda: scraped(ports["prometheusmetricsport"]).get(series) == 1, "its version")
        assert "node\ufffd" in typha(server, "clients").stdout
        assert "process failed" not in server.log()
    finally:
        connection.close()
    assert witness.status == SyncStatus.IN_SYNC
