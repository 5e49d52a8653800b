"""The main job on the real process tree: a folder of manifests in, keys and values out."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import psutil
import pytest

from tests.e2e.server import PATIENCE_SECONDS, Follower, running, wait_for
from typha.dialing import DialError
from typha.syncproto.messages import SyncerType

pytestmark = pytest.mark.e2e

NAMESPACE = """
apiVersion: v1
kind: Namespace
metadata:
  name: {name}
  labels:
    team: {team}
"""
PROFILE = "/calico/v1/policy/profile/kns.{}/labels"


@pytest.fixture
def manifests(tmp_path):
    """Make a folder with three namespaces."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    for name in ("shop", "bank", "mail"):
        put(folder, name, "blue")
    return folder


def put(folder: Path, name: str, team: str) -> None:
    """Write a namespace's manifest in one step."""
    half = folder / f".{name}"
    half.write_text(NAMESPACE.format(name=name, team=team))
    half.rename(folder / f"{name}.yaml")


def has_team(name, team):
    """Make a condition: a follower knows the namespace as this team's."""
    needle = f'"pcns.team":"{team}"'.encode()
    return lambda follower: needle in follower.state.get(PROFILE.format(name), b"")


@pytest.mark.parametrize("version", ["v3.8.9", "v3.24.6", "v3.28.5", "v3.31.3", "v3.32.1"])
def test_every_generation_gets_the_snapshot_and_every_change(tmp_path, manifests, version):
    """Created, altered and deleted, over mutual TLS."""
    with running(tmp_path, manifests) as server:
        follower = server.follower(version=version)
        assert has_team("shop", "blue")(follower)
        put(manifests, "shop", "red")
        follower.read_until(has_team("shop", "red"))
        put(manifests, "zoo", "green")
        follower.read_until(has_team("zoo", "green"))
        (manifests / "bank.yaml").unlink()
        follower.read_until(lambda f: PROFILE.format("bank") not in f.state)


def test_client_and_render_agree_to_the_byte(tmp_path):
    """`typha client --once` against the server, `typha render` without one."""
    corpus = tmp_path / "manifests"
    shutil.copytree(Path(__file__).parent.parent / "data" / "e2e" / "manifests", corpus)
    with running(tmp_path, corpus) as server:
        for syncer in SyncerType:
            told = lines(
                *("client", "--server", f"127.0.0.1:{server.port}", "--once"),
                *("--ca-file", server.tls.ca_file, "--cert-file", server.tls.cert_file),
                *("--key-file", server.tls.key_file, "--server-cn", "calico-typha"),
                *("--syncer", syncer.value, "--format", "json"),
            )
            rendered = lines(
                "render", "--from", str(corpus), "--syncer", syncer.value, "--format", "json"
            )
            assert told[0]["type"] == "hello"
            assert told[-1] == {"type": "status", "status": "in-sync"}
            kvs = [line for line in told if line["type"] == "kv"]
            assert kvs == sorted(kvs, key=lambda line: line["key"])
            added = {"/calico/v1/config/", "/calico/v1/Ready", "/calico/v1/policy/tier/"}
            assert [
                line
                for line in kvs
                if line in rendered or not any(line["key"].startswith(a) for a in added)
            ] == rendered


def lines(*arguments: str) -> list[dict]:
    """Run a command of ours and read its JSON lines."""
    done = subprocess.run(
        [sys.executable, "-m", "typha", *arguments], capture_output=True, timeout=120, check=True
    )
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def held_by_worker(server) -> dict[int, int]:
    """Count the established connections of each worker, as the kernel sees them."""
    workers = [
        child
        for child in psutil.Process(server.process.pid).children()
        if child.name().startswith("typha worker")
    ]
    return {
        worker.pid: sum(
            c.status == psutil.CONN_ESTABLISHED and c.laddr.port == server.port
            for c in worker.net_connections("tcp")
        )
        for worker in workers
    }


def test_shards_are_even_and_a_killed_worker_costs_only_its_own(tmp_path, manifests):
    """200 clients on 4 workers; the killed one's clients are gone, the others hear the news."""
    with running(tmp_path, manifests, workers="4") as server:
        server.wait_ready()
        followers = server.connect_all(200)
        held = held_by_worker(server)
        assert sum(held.values()) == 200
        assert max(held.values()) - min(held.values()) <= 1
        victim, lost = next(iter(held.items()))
        os.kill(victim, signal.SIGKILL)
        put(manifests, "shop", "red")
        ended = sum(not hears(follower, has_team("shop", "red")) for follower in followers)
        assert ended == lost
        wait_for(lambda: len(held_by_worker(server)) == 4, "a new worker")
        assert has_team("shop", "red")(server.follower())


def hears(follower: Follower, condition) -> bool:
    """Tell whether a follower gets to know something before its connection ends."""
    try:
        follower.read_until(condition)
    except (DialError, StopIteration):
        return False
    return True


def test_nobody_is_disconnected_when_the_watcher_is_killed(tmp_path, manifests):
    """What changed while there was none is told by the next one, and only that."""
    with running(tmp_path, manifests) as server:
        followers = [server.follower(version=v) for v in ("v3.8.9", "v3.32.1")]
        put(manifests, "shop", "red")
        for follower in followers:
            follower.read_until(has_team("shop", "red"))
            follower.updates.clear()
        watcher = server.child("watcher")
        watcher.send_signal(signal.SIGSTOP)  # so that it cannot see what is done now
        put(manifests, "shop", "green")
        (manifests / "bank.yaml").unlink()
        put(manifests, "zoo", "blue")
        watcher.kill()
        for follower in followers:
            follower.read_until(has_team("zoo", "blue"))
            follower.read_until(has_team("shop", "green"))
            follower.read_until(lambda f: PROFILE.format("bank") not in f.state)
            told = {
                update.key.split("/")[-2]
                for update in follower.updates
                if "/profile/" in update.key
            }
            assert told == {"kns.shop", "kns.bank", "kns.zoo"}
        put(manifests, "mail", "red")
        for follower in followers:
            follower.read_until(has_team("mail", "red"))


def test_sigterm_ends_everything_with_exit_code_0(tmp_path, manifests):
    """No orphan, nothing left in the run directory."""
    with running(tmp_path, manifests, shutdowntimeoutsecs="2") as server:
        server.connect_all(4)
        children = psutil.Process(server.process.pid).children()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_SECONDS) == 0
        assert not [child for child in children if child.is_running()]
        assert list(server.run_directory.glob("*")) == []
