"""The process tree: every post is filled, and at the end nothing is left."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

PROGRAM = Path(__file__).with_name("tiny_server.py")
POSTS = {"ops", "watcher", "worker-0", "worker-1"}
AGES = 90.0  # seconds after which a test stops waiting


class Tree:
    """A running tiny server and what it has told so far."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), *options], stdout=subprocess.PIPE, text=True
        )
        self.events: list[dict] = []

    def until(self, event: str, **facts: object) -> dict:
        """Read on to the first event that has these facts, and return it."""
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1].items() >= {"event": event, **facts}.items():
                return self.events[-1]
        pytest.fail(f"ended before {event} {facts}: {self.events}")

    def pids(self) -> dict[str, int]:
        """Return the newest process of each post."""
        return {seen["name"]: seen["pid"] for seen in self.events if seen["event"] == "up"}

    def up(self) -> dict[str, int]:
        """Wait until every post is filled."""
        while self.pids().keys() != POSTS:
            self.until("up")
        return self.pids()

    def signal(self, number: int) -> None:
        """Send a signal to the parent."""
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for the parent to end."""
        return self.process.wait(AGES)


@pytest.fixture
def start():
    """Start tiny servers; none outlives the test."""
    trees: list[Tree] = []

    def started(*options: str) -> Tree:
        trees.append(Tree(*options))
        return trees[-1]

    yield started
    for tree in trees:
        tree.process.kill()
        tree.process.wait()
        tree.process.stdout.close()


def wait_gone(pids) -> None:
    """Return when no process with one of these ids is left."""
    deadline = time.monotonic() + AGES
    while left := [pid for pid in pids if psutil.pid_exists(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


def refuses(port: int) -> bool:
    """Say whether a client is turned away."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("name", sorted(POSTS))
def test_a_killed_child_is_replaced_and_nobody_else(start, name):
    """Of whatever kind it is."""
    tree = start()
    before = tree.up()
    os.kill(before[name], signal.SIGKILL)
    tree.until("up", name=name)
    after = tree.pids()
    assert after[name] != before[name]
    assert {n: p for n, p in after.items() if n != name} == {
        n: p for n, p in before.items() if n != name
    }
    tree.signal(signal.SIGTERM)
    assert tree.until("ended")["restarts"] == {n: int(n == name) for n in POSTS}


def test_a_hung_child_is_found_killed_and_replaced(start):
    """A stopped process gives no heartbeat; it is counted as hung."""
    tree = start("--hung", "2")
    before = tree.up()
    os.kill(before["worker-1"], signal.SIGSTOP)
    assert tree.until("up", name="worker-1")["pid"] != before["worker-1"]
    tree.signal(signal.SIGTERM)
    ended = tree.until("ended")
    assert ended["hung"] == {"ops": 0, "watcher": 0, "worker-0": 0, "worker-1": 1}


def test_where_no_process_can_be_started_the_others_go_on_until_one_can(start):
    """A cgroup may be full, or the memory; the server serves with what it has."""
    tree = start("--refused", "2")
    before = tree.up()
    os.kill(before["worker-0"], signal.SIGKILL)
    after = tree.until("up", name="worker-0")
    assert after["pid"] != before["worker-0"]
    assert {**tree.pids(), "worker-0": 0} == {**before, "worker-0": 0}
    tree.signal(signal.SIGTERM)
    assert tree.until("ended")["restarts"]["worker-0"] == 1


def test_after_a_pause_of_the_whole_tree_nobody_counts_as_hung(start):
    """A suspended machine or a frozen container wakes up with old heartbeats everywhere."""
    tree = start("--hung", "2")
    pids = tree.up()
    everyone = [tree.process.pid, *pids.values()]
    for pid in everyone:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3.0)  # longer than either patience of the tiny server
    for pid in everyone:
        os.kill(pid, signal.SIGCONT)
    for _ in range(2):  # so that the parent has looked at them in between
        tree.signal(signal.SIGUSR1)
        tree.until("dump", name="parent")
    tree.signal(signal.SIGTERM)
    assert set(tree.until("ended")["hung"].values()) == {0}


def test_nothing_listens_before_the_datastore_is_reached(start):
    """The port is taken, and closed."""
    tree = start("--unreachable")
    port = tree.until("bound")["port"]
    tree.up()
    assert refuses(port)
    tree.signal(signal.SIGTERM)
    assert tree.exit_code() == 0
    wait_gone(tree.pids().values())


def wait_listening(port: int) -> None:
    """Return when clients get in."""
    deadline = time.monotonic() + AGES
    while refuses(port):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_sigterm_without_clients_ends_everything_with_code_0(start):
    """Children end by themselves, and none is left."""
    tree = start()
    port = tree.until("bound")["port"]
    pids = tree.up()
    wait_listening(port)
    tree.signal(signal.SIGTERM)
    assert tree.until("ended")["code"] == 0
    assert tree.exit_code() == 0
    assert {seen["name"] for seen in tree.events if seen["event"] == "down"} == POSTS
    wait_gone(pids.values())


def test_sigterm_sheds_clients_one_by_one_over_all_workers(start):
    """New ones are refused at once; shards shrink evenly."""
    tree = start("--connections", "5", "--interval", "0.2")
    port = tree.until("bound")["port"]
    tree.up()
    wait_listening(port)
    tree.signal(signal.SIGTERM)
    tree.until("shed")
    assert refuses(port)
    assert tree.until("ended")["code"] == 0
    sheds = [seen for seen in tree.events if seen["event"] == "shed"]
    assert len(sheds) > 5  # a process that comes late sheds two at once
    left = {"worker-0": 5, "worker-1": 5}
    for shed in sheds:
        left[shed["name"]] -= shed["count"]
        assert abs(left["worker-0"] - left["worker-1"]) <= 2
    assert sum(left.values()) == 0


def test_clients_that_do_not_leave_hold_nothing_up(start):
    """The time allowed for the shutdown, and a little for the closing, is the most it takes."""
    tree = start("--connections", "5", "--stubborn", "--shutdown", "0.5", "--closing", "0.5")
    port = tree.until("bound")["port"]
    pids = tree.up()
    wait_listening(port)
    tree.signal(signal.SIGTERM)
    assert tree.until("ended")["code"] == 0
    wait_gone(pids.values())


def test_a_second_sigterm_ends_at_once(start):
    """The first one is still shedding."""
    tree = start("--connections", "1000", "--stubborn")
    port = tree.until("bound")["port"]
    pids = tree.up()
    wait_listening(port)
    tree.signal(signal.SIGTERM)
    while not refuses(port):
        time.sleep(0.01)
    tree.signal(signal.SIGTERM)
    assert tree.until("ended")["code"] == 0
    wait_gone(pids.values())


def test_a_worker_that_dies_while_draining_is_not_replaced_but_the_watcher_is(start):
    """Clients still connected want their updates; nobody could reach a new worker."""
    tree = start("--connections", "1000", "--stubborn")
    port = tree.until("bound")["port"]
    before = tree.up()
    wait_listening(port)
    tree.signal(signal.SIGTERM)
    while not refuses(port):
        time.sleep(0.01)
    os.kill(before["worker-0"], signal.SIGKILL)
    wait_gone([before["worker-0"]])
    os.kill(before["watcher"], signal.SIGKILL)
    assert tree.until("up")["name"] == "watcher"
    tree.signal(signal.SIGTERM)
    assert tree.until("ended")["restarts"] == {
        "ops": 0,
        "watcher": 1,
        "worker-0": 0,
        "worker-1": 0,
    }


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGQUIT, 131)])
def test_an_interrupt_ends_at_once_as_a_shell_expects(start, number, code):
    """Also when the terminal sends it to the children as well."""
    tree = start("--connections", "5")
    pids = tree.up()
    for pid in pids.values():
        os.kill(pid, signal.SIGINT)
    tree.signal(number)
    assert tree.until("ended")["code"] == code
    wait_gone(pids.values())


def test_children_ignore_a_sigterm_that_is_not_their_parents(start):
    """Some init systems send it to the whole group; shedding must still be gradual."""
    tree = start()
    pids = tree.up()
    for pid in pids.values():
        os.kill(pid, signal.SIGTERM)
    os.kill(pids["ops"], signal.SIGUSR1)
    tree.until("dump", name="ops")
    tree.signal(signal.SIGTERM)
    assert set(tree.until("ended")["restarts"].values()) == {0}


def test_a_killed_parent_leaves_no_child(start):
    """Not even SIGKILL makes orphans."""
    tree = start()
    pids = tree.up()
    tree.signal(signal.SIGKILL)
    tree.exit_code()
    wait_gone(pids.values())


@pytest.mark.parametrize(
    ("number", "event"), [(signal.SIGHUP, "reload"), (signal.SIGUSR1, "dump")]
)
def test_requests_of_the_operator_reach_every_process(start, number, event):
    """Parent and children alike."""
    tree = start()
    tree.up()
    tree.signal(number)
    heard = {tree.until(event)["name"] for _ in range(len(POSTS) + 1)}
    assert heard == {"parent", *POSTS}


def test_a_process_that_cannot_work_from_the_start_ends_the_server(start):
    """With code 1, so that whoever started it knows."""
    tree = start("--unreachable", "--fails", "watcher")
    assert tree.until("ended")["code"] == 1
    assert tree.exit_code() == 1
    wait_gone(tree.pids().values())
