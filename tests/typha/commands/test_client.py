"""`typha client`, run as a user does, against a server of the test."""

import json
import subprocess

import pytest

from tests.serving import ThreadedServer, elements, server_context
from tests.typha.commands.conftest import BIN
from typha.certs import making
from typha.syncproto.messages import SerializedUpdate, SyncStatus

SNAPSHOT = [
    SerializedUpdate(key="/calico/v1/Ready", value=b"true", revision="12", update_type=1),
    SerializedUpdate(key="/calico/v1/config/X", value="ü".encode(), revision="7", update_type=1),
]


@pytest.fixture
def server():
    """Start a plain server with two keys."""
    with ThreadedServer(elements(SNAPSHOT)) as running:
        yield running


def test_once_prints_everything_and_ends_in_sync(typha, server):
    """JSON for programs: hello, keys, status; exit code 0."""
    done = typha("client", "--server", f"127.0.0.1:{server.port}", "--once", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    hello, *keys, status = map(json.loads, done.stdout.splitlines())
    assert hello == {"type": "hello", "syncer": "felix", "version": "v0.0.1-test", "conn_id": 42}
    assert [(kv["key"], kv["value"]) for kv in keys] == [
        ("/calico/v1/Ready", "true"),
        ("/calico/v1/config/X", "ü"),
    ]
    assert status == {"type": "status", "status": "in-sync"}


def test_text_is_plain_where_nobody_looks(typha, server):
    """No colours in a pipe, nothing cut."""
    done = typha("client", "--server", f"127.0.0.1:{server.port}", "--once", "--syncer", "bgp")
    assert done.stdout.splitlines() == [
        "# bgp from v0.0.1-test, connection 42",
        "+ /calico/v1/Ready  true",
        "+ /calico/v1/config/X  ü",
        "= in-sync",
    ]


def test_it_says_who_it_is(typha, server):
    """So that a server's log and `typha clients` can name it."""
    typha("client", "--server", f"127.0.0.1:{server.port}", "--once")
    hello = server.shells[0].accepted.hello
    assert hello.info == "typha client"
    assert hello.hostname
    assert hello.supports_modern_policy_keys


def test_without_once_it_follows_until_the_server_goes(server):
    """Each change is printed when it comes; the end of the server is an error."""
    command = [BIN / "typha", "client", "--server", f"127.0.0.1:{server.port}", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for _ in range(4):
            process.stdout.readline()
        gone = SerializedUpdate(key="/calico/v1/Ready", revision="13", update_type=3)
        server.publish(elements([gone]), SyncStatus.RESYNC)
        assert json.loads(process.stdout.readline())["update_type"] == "deleted"
        assert json.loads(process.stdout.readline())["status"] == "resync"
        server.__exit__(None, None, None)
        assert process.wait(90) == 1
        assert process.stderr.read() == b"typha: the server closed the connection\n"


def test_a_reader_that_has_enough_is_no_error(server):
    """As in `typha client | head -1`."""
    command = [BIN / "typha", "client", "--server", f"127.0.0.1:{server.port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for _ in range(4):
            process.stdout.readline()
        process.stdout.close()
        server.publish(elements(SNAPSHOT))
        assert process.wait(90) == 0
        assert process.stderr.read() == b""


def test_tls_needs_everything_that_felix_needs(typha):
    """Half of it is wrong usage, and the rest is named."""
    done = typha("client", "--ca-file", "ca.crt", "--server-cn", "calico-typha")
    assert done.returncode == 64
    assert "TLS also needs --cert-file, --key-file;" in done.stderr
    done = typha("client", "--ca-file", "a", "--cert-file", "b", "--key-file", "c")
    assert "TLS also needs --server-cn or --server-uri;" in done.stderr


def test_over_tls_with_the_certificates_of_the_guide(typha, tmp_path):
    """As `typha certs` makes them."""
    making.make(making.Plan(), tmp_path)
    arguments = ["--ca-file", "typhaca.crt", "--cert-file", "calico-node.crt"]
    arguments += ["--key-file", "calico-node.key", "--server-cn", "calico-typha"]
    with ThreadedServer(elements(SNAPSHOT), context=server_context(tmp_path)) as server:
        address = f"127.0.0.1:{server.port}"
        done = typha("client", "--server", address, "--once", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("= in-sync\n")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--server", "127.0.0.1:1"], 1, "cannot connect to 127.0.0.1:1: Connection refused (is"),
        (["--server", "127.0.0.1:x"], 64, "--server: '127.0.0.1:x' is no HOST:PORT"),
        (["--syncer", "felux"], 64, "'felux' is not one of 'felix'"),
    ],
)
def test_errors_are_one_line(typha, arguments, code, text):
    """With a hint."""
    done = typha("client", *arguments)
    assert done.returncode == code
    assert text in done.stderr
    assert done.stderr.count("\n") == 1
