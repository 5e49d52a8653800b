"""A warm start, and what it costs before: python -m benchmarks.warm_start.

Lets a server know a cluster, starts it again where no API server answers, and tells how long a
client waits for the last known state.  Then the same churn with and without a checkpoint.
"""

import json
import statistics
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click

from benchmarks import accounting, free_ports, netns, scenarios
from benchmarks.bench import Bench, Options, say
from benchmarks.ingest import wait_ready, watcher
from benchmarks.report import tidy
from typha import dialing
from typha.dialing import Address, Tls
from typha.journal import checkpoint
from typha.syncproto import generations
from typha.syncproto.messages import KVs, SyncerType, SyncStatusMessage

CHECKPOINT_SECONDS = 60.0  # until it has to be there


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """One restart without an API server; times from the start of the command."""

    count: int
    kvs: int  # that the client was told
    checkpoint_mib: float
    cold_in_sync_s: float  # with an API server, for comparison
    listening_s: float
    first_kvs_s: float
    whole_snapshot_s: float  # as a client in Python has decoded it
    watcher_cpu_s: float  # up to then
    watcher_pss_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Churn:
    """The watcher's CPU under the same churn."""

    rate: float
    seconds: float
    cold_cpu_s: list[float]
    warm_cpu_s: list[float]
    ratio: float  # of the medians


def warm_settings(folder: Path) -> dict[str, str]:
    """Ask for a warm start."""
    return {"TYPHA_WARMSTART": "true", "TYPHA_CHECKPOINTDIR": str(folder / "checkpoints")}


def restart(count: int) -> Restart:
    """Start, end and start again, the second time without an API server."""
    say(f"{count} pods")
    port = free_ports.take()
    health = {"TYPHA_HEALTHENABLED": "true", "TYPHA_HEALTHPORT": str(port)}
    with Bench(Options(family="pods", kvs=count)) as bench:
        settings = health | warm_settings(bench.folder)
        bench.options = replace(bench.options, settings=settings)
        bench.start()
        wait_ready(port)
        cold = time.monotonic() - bench.tree.started
        file = bench.folder / "checkpoints" / checkpoint.NAME
        deadline = time.monotonic() + CHECKPOINT_SECONDS
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        bench.tree.stop()
        size = file.stat().st_size
        bench.api_port = free_ports.take()  # nobody listens there
        bench.start()
        listening = time.monotonic() - bench.tree.started
        kvs, first, whole = follow(bench)
        pid = watcher(bench)
        return Restart(
            count=count,
            kvs=kvs,
            checkpoint_mib=size / 2**20,
            cold_in_sync_s=cold,
            listening_s=listening,
            first_kvs_s=first,
            whole_snapshot_s=whole,
            watcher_cpu_s=bench.tree.usage().by_process[pid],
            watcher_pss_mib=accounting.pss_mib(pid),
        )


def follow(bench: Bench) -> tuple[int, float, float]:
    """Connect and read until the status: KVs, seconds to the first of them and to the status."""
    tls = Tls(
        ca_file=str(bench.certs / "typhaca.crt"),
        cert_file=str(bench.certs / "calico-node.crt"),
        key_file=str(bench.certs / "calico-node.key"),
        server_cn="calico-typha",
    )
    hello = generations.hello(SyncerType.FELIX, version=generations.NEWEST, hostname="bench")
    connection = dialing.connect(Address("127.0.0.1", bench.tree.port), hello, tls=tls)
    kvs, first = 0, 0.0
    for message in connection:
        if isinstance(message, KVs):
            first = first or time.monotonic() - bench.tree.started
            kvs += len(message.updates)
        elif isinstance(message, SyncStatusMessage):
            break
    connection.close()
    return kvs, first, time.monotonic() - bench.tree.started


def churned(options: Options, *, warm: bool) -> float:
    """Return the CPU seconds of the watcher for some seconds of churn."""
    with Bench(options) as bench:
        if warm:
            bench.options = replace(options, settings=warm_settings(bench.folder))
        spent = scenarios.churn(bench).cpu_by_process
        return next(cpu for name, cpu in spent.items() if name.startswith("typha watcher"))


def compare(options: Options, rounds: int) -> Churn:
    """Churn in turns with and without a checkpoint."""
    cold, warm = [], []
    for turn in range(rounds):
        say(f"churn {turn + 1} of {rounds}")
        cold.append(churned(options, warm=False))
        warm.append(churned(options, warm=True))
    ratio = statistics.median(warm) / statistics.median(cold)
    return Churn(
        rate=options.rate, seconds=options.seconds, cold_cpu_s=cold, warm_cpu_s=warm, ratio=ratio
    )


@click.command(help=__doc__)
@click.option("--pods", multiple=True, default=(10_000, 100_000), show_default=True, type=int)
@click.option("--rounds", default=3, show_default=True, help="Of churn, each with and without.")
@click.option("--rate", default=1000.0, show_default=True, help="KVs a second in the churn.")
@click.option("--seconds", default=20.0, show_default=True, help="Of churn.")
@click.option("--netns", "isolated", is_flag=True, help="A network of its own (needs root).")
def main(
    pods: tuple[int, ...], rounds: int, rate: float, seconds: float, *, isolated: bool
) -> None:
    """Measure and print, a line of JSON each."""
    if isolated:
        netns.enter()
    for count in pods:
        found = asdict(restart(count))
        click.echo(json.dumps({name: tidy(value) for name, value in found.items()}))
    if rounds:
        options = Options(clients=20, rate=rate, seconds=seconds)
        click.echo(json.dumps(asdict(compare(options, rounds))))


if __name__ == "__main__":
    main()
