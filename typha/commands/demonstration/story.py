"""The story that `typha demo` tells: its chapters, in the order in which they are told."""

import contextlib
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from typha import dialing
from typha.commands.demonstration import cluster as example
from typha.commands.demonstration.cast import PARTS, Arrival, Cast, Client
from typha.commands.demonstration.cluster import Cluster
from typha.commands.demonstration.stage import Stage
from typha.commands.demonstration.telling import Teller, milliseconds
from typha.dialing import DialError
from typha.syncproto import generations
from typha.syncproto.messages import SyncerType, UpdateType

QUIET_SECONDS: Final = 0.3  # what has not come by then is not on its way
_WHO: Final = {"node": "node", "syncer": "stream", "release": "release"}
_SNAPSHOTS: Final = {**_WHO, "keys": "keys", "after": "in sync after", "codec": "codec"}
_MARKS: Final[dict[int, str]] = {
    UpdateType.NEW: "+",
    UpdateType.UPDATED: "~",
    UpdateType.DELETED: "-",
}
_KEYS: Final = {"release": "release", "key": "key"}


class Story:
    """The chapters, and what is on stage."""

    def __init__(self, folder: Path, workers: int, running: contextlib.ExitStack) -> None:
        """Take an empty folder; what is started is ended by `running`."""
        self._folder = folder
        self._workers = workers
        self._running = running
        self._tell = Teller()

    def prepare(self) -> None:
        """Make what a server needs."""
        tell = self._tell
        tell.chapter("A cluster from nothing")
        began = time.monotonic()
        self._cluster = Cluster(self._folder / "manifests")
        self._stage = Stage(self._folder, self._workers)
        took = milliseconds(time.monotonic() - began)
        nodes, namespaces = len(example.NODES), len(example.APPS)
        tell.fact("in", self._folder)
        tell.fact(
            "manifests",
            f"{namespaces} namespaces, {nodes} nodes, {self._cluster.pods} pods, policies",
        )
        tell.fact("certificates", "a CA, the server's, the nodes', and a stranger's")
        tell.fact("configuration", f"{self._stage.configuration.name}; all made in {took}")

    def serve(self) -> None:
        """Start the server."""
        tell, stage = self._tell, self._stage
        tell.chapter(f"The server: one process watches, {self._workers} serve clients over TLS")
        began = time.monotonic()
        stage.start()
        self._running.callback(stage.end)
        tell.wait(stage.is_ready, "starting")
        took = milliseconds(time.monotonic() - began)
        tell.fact("ready after", f"{took}, counted from nothing")
        tell.table({"name": "process", "pid": "pid"}, stage.status()["processes"])

    def connect(self) -> None:
        """Let clients of several generations in."""
        tell = self._tell
        tell.chapter(f"{len(PARTS)} clients of four generations connect")
        self._cast = Cast(PARTS, self._stage.address, self._stage.tls())
        self._running.callback(self._cast.leave)
        tell.wait(self._cast.all_in_sync, "sending snapshots")
        codecs = {(row["hostname"], row["syncer"]): row["codec"] for row in self._stage.clients()}
        rows = [
            {
                **_who(client),
                "keys": client.snapshot_keys,
                "after": milliseconds(client.synced_after),
                "codec": codecs.get((client.part.node, client.part.syncer.value), ""),
            }
            for client in self._cast.clients
        ]
        tell.table(_SNAPSHOTS, rows)
        tell.say()
        tell.say("Policy keys are spelt as each release knows them:")
        felixes = self._cast.of(SyncerType.FELIX)
        tell.table(_KEYS, [_policy_row(client, "web-from-anywhere") for client in felixes])

    def change(self) -> None:
        """Alter the cluster, and tell what arrives."""
        tell, cluster = self._tell, self._cluster
        tell.chapter("The cluster changes")
        new_pod = example.pod("shop", "web", 6, "192.168.1.99")
        labelled = example.pod("shop", "web", 6, "192.168.1.99", tier="frontend")
        self._show("a pod starts", lambda: cluster.write("pods-new", new_pod))
        self._show("its labels change", lambda: cluster.write("pods-new", labelled))
        self._show("a policy is added", lambda: cluster.write("more", example.PAYMENTS_POLICY))
        self._show("the pod is gone", lambda: cluster.remove("pods-new"))
        tell.say()
        tell.say("Times are from the saved file to the decoded key, the last client counting.")

    def go_wrong(self) -> None:
        """Break things one after the other."""
        self._tell.chapter("Things go wrong")
        self._save_nonsense()
        self._come_as_a_stranger()
        self._kill_a_worker()
        self._kill_the_watcher()

    def stay(self) -> None:
        """Keep everything running until Ctrl-C."""
        tell = self._tell
        tell.chapter("Everything stays running until you press Ctrl-C")
        self._suggest()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
        tell.say()

    def end(self) -> None:
        """Shut the server down as Kubernetes does."""
        tell, stage = self._tell, self._stage
        tell.chapter("The end: SIGTERM")
        self._cast.leave()
        began = time.monotonic()
        code = stage.end()
        took = time.monotonic() - began
        left = sorted(path.name for path in (self._folder / "run").glob("*"))
        tell.fact("clients", "were shed one by one, so that they do not all come back at once")
        tell.fact("exit code", f"{code}, after {took:.1f} s")
        tell.fact("left behind", ", ".join(left) or "nothing")

    def advise(self) -> None:
        """Tell what to try next."""
        tell = self._tell
        tell.chapter("What to try next")
        tell.fact("typha demo --stay", "the same, and then it is yours to play with")
        tell.fact("typha render", "what clients would receive for your own manifests")
        tell.fact("typha certs", "certificates for a server and its clients")
        tell.fact("typha check", "what would go wrong with a configuration, before it does")
        tell.fact("typha serve", "the server; docs/ has the way into a cluster")
        tell.say()

    def confess(self) -> None:
        """Show the end of the server's log, as something went wrong that should not."""
        for line in self._stage.last_lines():
            click.echo(line, err=True)

    def _show(self, what: str, act: Callable[[], None]) -> None:
        """Do something to the cluster, and tell which keys came where and how fast."""
        took, keys = self._effect(act)
        receivers = {client for client, _arrival in keys}
        lasted = milliseconds(took)
        self._tell.fact(what, f"{len(receivers)} clients know after {lasted}")
        marked = (f"{_MARKS[arrival.update_type]} {arrival.key}" for _client, arrival in keys)
        for key in dict.fromkeys(marked):
            self._tell.fact("", key)

    def _effect(self, act: Callable[[], None]) -> tuple[float, list[tuple[Client, Arrival]]]:
        """Act, and return how long it took until the last client knew, and what came."""
        marks = self._cast.marks()
        felixes = set(self._cast.of(SyncerType.FELIX))
        began = time.monotonic()
        act()
        self._tell.wait(
            lambda: felixes <= {client for client, _ in self._cast.since(marks)}, "waiting"
        )
        time.sleep(QUIET_SECONDS)
        arrivals = list(self._cast.since(marks))
        return max(arrival.at for _client, arrival in arrivals) - began, arrivals

    def _save_nonsense(self) -> None:
        tell, cluster = self._tell, self._cluster
        tell.say("Somebody saves a manifest that is no YAML, beside one that is:")
        cluster.write("broken", example.BROKEN)
        good = example.pod("payments", "api", 7, "192.168.2.99")
        took, _ = self._effect(lambda: cluster.write("good", good))
        tell.fact("", f"the good one arrives everywhere after {milliseconds(took)}")
        tell.fact("", "the broken one is named in the log, and nobody else notices")
        cluster.remove("broken")

    def _come_as_a_stranger(self) -> None:
        tell = self._tell
        tell.say("Somebody comes with a certificate of the same CA, but another name:")
        hello = generations.hello(SyncerType.FELIX, hostname="somewhere")
        try:
            dialing.connect(self._stage.address, hello, tls=self._stage.tls("stranger")).close()
        except DialError as error:
            tell.fact("", f"they see: {error}")
            tell.wait(lambda: bool(self._stage.logged("certificate-refused")), "reading the log")
            tell.fact("", f"the log says: {self._stage.logged('certificate-refused')}")
        else:
            raise click.ClickException("a stranger was let in")

    def _kill_a_worker(self) -> None:
        tell, stage = self._tell, self._stage
        tell.say("kill -9 of worker-0:")
        shard = sum(row["worker"] == 0 for row in stage.clients())
        before = {client: client.connects for client in self._cast.clients}
        began = time.monotonic()
        stage.kill("worker-0")
        tell.wait(
            lambda: (
                stage.process("worker-0")["restarts"] == 1
                and sum(client.connects - before[client] for client in before) >= shard
                and self._cast.all_in_sync()
            ),
            "recovering",
        )
        took = milliseconds(time.monotonic() - began)
        moved = sum(client.connects > count for client, count in before.items())
        stayed = len(before) - moved
        tell.fact("", f"its {moved} clients are in sync again after {took}; replaced by then")
        tell.fact("", f"the {stayed} clients of the other workers noticed nothing")

    def _kill_the_watcher(self) -> None:
        tell, stage = self._tell, self._stage
        tell.say("kill -9 of the watcher:")
        before = {client: client.connects for client in self._cast.clients}
        stage.kill("watcher")
        tell.wait(
            lambda: stage.process("watcher")["restarts"] == 1 and stage.is_ready(), "waiting"
        )
        newest = example.pod("payments", "ledger", 7, "192.168.2.100")
        took, _ = self._effect(lambda: self._cluster.write("newest", newest))
        cut = sum(client.connects > count for client, count in before.items())
        tell.fact("", f"{cut} of {len(before)} clients lost their connection")
        tell.fact("", f"the next change arrives everywhere after {milliseconds(took)}")

    def _suggest(self) -> None:
        """Tell what can be done with the running server."""
        tell, stage = self._tell, self._stage
        rundir = shlex.quote(str(self._folder / "run"))
        certs = shlex.quote(str(self._folder / "certs"))
        tell.fact("edit", f"{self._folder / 'manifests'}/*.yaml")
        tell.fact("follow", f"typha client --server {stage.address.text} --server-cn calico-typha")
        tell.fact("", f"  --ca-file {certs}/typhaca.crt --cert-file {certs}/calico-node.crt")
        tell.fact("", f"  --key-file {certs}/calico-node.key")
        tell.fact("look", f"typha top --rundir {rundir}")
        tell.fact("", f"typha clients --rundir {rundir}")
        tell.fact("in a browser", f"http://127.0.0.1:{stage.health}/")
        tell.fact("metrics", f"http://127.0.0.1:{stage.metrics}/metrics")
        tell.fact("log", self._folder / "serve.log")


def _who(client: Client) -> dict[str, str]:
    part = client.part
    return {"node": part.node, "syncer": part.syncer.value, "release": part.release}


def _policy_row(client: Client, name: str) -> dict[str, str]:
    """Return how a client was told of a policy."""
    keys = sorted(key for key in client.keys if key.endswith(name))
    return {"release": client.part.release, "key": keys[0] if keys else "(not sent)"}
