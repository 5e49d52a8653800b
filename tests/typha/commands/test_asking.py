"""Finding the running server."""

import socket
import time
from pathlib import Path

import click
import pytest

from benchmarks import free_ports
from typha.commands import CommandError, asking
from typha.ops import endpoints, httpd
from typha.ops.httpd import Answer
from typha.parent import rundir

NO_FILE = "/nonexistent/typha.cfg"


def served(place: str, port: int = 0, body: bytes = b'{"ready": true}') -> None:
    """Answer /status.json at a place, on a thread."""
    answer = Answer(200, "application/json", body)
    httpd.serve(place, port, httpd.routes({"/status.json": lambda _request: answer}))
    for _ in range(6000):
        family = socket.AF_UNIX if place.startswith("/") else socket.AF_INET
        with socket.socket(family) as client:
            if client.connect_ex(place if place.startswith("/") else (place, port)) == 0:
                return
        time.sleep(0.01)
    pytest.fail("nobody listens")


def server(**options) -> asking.Server:
    """Return what the options mean."""
    return asking.Server(**{"rundir": None, "url": None, "config_file": NO_FILE, **options})


@pytest.fixture(autouse=True)
def home(short_folder, monkeypatch):
    """Look for run directories in a folder of the test alone, with nothing configured."""
    monkeypatch.setattr(rundir, "_homes", lambda: (short_folder,))
    monkeypatch.setattr(rundir, "HOMES", (short_folder,))
    monkeypatch.delenv("TYPHA_RUNDIR", raising=False)
    return short_folder


@pytest.fixture
def running():
    """Make run directories of servers that seem to be running."""
    folders = []

    def run(wanted: str = "") -> Path:
        folders.append(rundir.open_(wanted))
        served(str(folders[-1].path / endpoints.SOCKET_NAME))
        return folders[-1].path

    yield run
    for folder in folders:
        folder.remove()


def test_the_only_server_of_this_user_is_found_by_itself(running):
    """Nothing has to be said."""
    running()
    assert server().ask("/status.json") == {"ready": True}


def test_one_of_several_is_chosen_by_its_run_directory(running):
    """And without that, they are named."""
    first, second = running(), running()
    with pytest.raises(CommandError, match="several servers") as caught:
        server().ask("/status.json")
    assert str(first) in caught.value.format_message()
    assert server(rundir=str(second)).ask("/status.json") == {"ready": True}


def test_a_configured_run_directory_is_looked_into(running, home, monkeypatch):
    """As the server itself would."""
    running()
    chosen = running(str(home / "chosen"))
    monkeypatch.setenv("TYPHA_RUNDIR", str(chosen))
    assert server().ask("/status.json") == {"ready": True}


def test_a_server_elsewhere_is_asked_by_url():
    """With or without the scheme."""
    port = free_ports.take()
    served("127.0.0.1", port)
    for url in (f"http://127.0.0.1:{port}", f"127.0.0.1:{port}/"):
        assert server(url=url).ask("/status.json") == {"ready": True}


def test_no_server_is_said_to_be_absent(home):
    """Which `--wait` waits for."""
    with pytest.raises(asking.AbsentError, match="no server of this user"):
        server().ask("/status.json")
    with pytest.raises(asking.AbsentError, match=f"at {home} does not answer: No such file"):
        server(rundir=str(home)).ask("/status.json")
    with pytest.raises(asking.AbsentError, match=r"at 127\.0\.0\.1:1 does not answer: Connection"):
        server(url="http://127.0.0.1:1").ask("/status.json")


def test_what_is_not_typha_is_recognised():
    """Another server may have the port."""
    port = free_ports.take()
    served("127.0.0.1", port)
    with pytest.raises(CommandError, match="status 404"):
        server(url=f"127.0.0.1:{port}").ask("/clients.json")
    served("127.0.0.1", other := free_ports.take(), b"<html>")
    with pytest.raises(CommandError, match="no JSON"):
        server(url=f"127.0.0.1:{other}").ask("/status.json")


@pytest.mark.parametrize(
    "url",
    ["http://", "http://h:abc", "h:99999", "http://[::1", "a..b:1", "x" * 64, "a b:1", "\udcff:1"],
)
def test_what_no_server_can_be_asked_by_is_wrong_usage(url):
    """And named, instead of being called a bug of ours."""
    with pytest.raises(click.BadParameter, match="is no URL like http://HOST:PORT") as caught:
        server(url=url).ask("/status.json")
    assert repr(url) in caught.value.format_message()
