"""A worker, or the whole server, stands still: stopped, frozen with its container, or moved.

For longer than clients may be silent, so these tests take their time.  The clients live on and
answer, but nobody reads it: that is not their fault.
"""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.server import Follower, Server, running, wait_for
from tests.e2e.test_looking import heard

PONG_SECONDS = 8  # enough for a loaded machine to answer
PAUSE_SECONDS = 1.5 * PONG_SECONDS  # and too short for the parent to call a worker hung
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n"


@pytest.fixture
def manifests(short_folder) -> Path:
    """Make the folder of an empty cluster."""
    (short_folder / "manifests").mkdir()
    return short_folder / "manifests"


def processes(server: Server, names: tuple[str, ...]) -> list[int]:
    """Return the ids of some children, or of all that there is."""
    parent = psutil.Process(server.process.pid)
    everyone = [parent.pid, *(child.pid for child in parent.children())]
    return [server.child(name).pid for name in names] or everyone


def pause(pids: list[int]) -> None:
    """Let processes stand still for a while."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(PAUSE_SECONDS)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("names", [("worker-0", "worker-1"), ()], ids=["workers", "everyone"])
def test_clients_that_answer_are_kept_and_those_that_do_not_are_closed(
    short_folder, manifests, names
):
    """The first go on as if nothing had been; the others have no more time than always."""
    settings = {"serverpingintervalsecs": "1", "serverpongtimeoutsecs": str(PONG_SECONDS)}
    with running(short_folder, manifests, **settings) as server:
        server.wait_ready()
        mute = server.follower()
        clients = server.connect_all(6)
        told = [[] for _ in clients]
        for client, has_told in zip(clients, told, strict=True):

            def read(follower: Follower, has_told: list = has_told) -> None:
                has_told.append(heard(follower, "after"))

            server.read_on_a_thread(read, client)
        time.sleep(1.0)  # so that a ping or two were answered before
        pause(processes(server, names))
        wait_for(lambda: "reason=pong-timeout" in server.log(), "the mute one to be closed")
        assert server.log().count("reason=pong-timeout") == 1
        (manifests / "after.yaml").write_text(NAMESPACE.format("after"))
        wait_for(lambda: all(told), "the others to hear")
        assert told == [[True]] * 6
        assert "killing it" not in server.log()
        mute.connection.close()
