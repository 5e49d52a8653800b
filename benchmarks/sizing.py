"""How many cores and how much memory a server needs: python -m benchmarks.sizing.

The formula of docs/performance.md, and what it says beside what `benchmarks.fanout --format json`
has measured.  The prices are those of the machine described there; a figure of one's own machine
beside them says how much to scale them.
"""

import json
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from benchmarks.bench import CLIENTS_PER_SWARM
from benchmarks.report import align
from typha.watcher import pacing

UPDATE_US: Final = 130.0  # read, convert, check, keep and publish one update: the watcher
COLD_US: Final = 880.0  # on top, where an update comes alone and finds the CPU's caches cold
COLD_RATE: Final = 100.0  # updates a second that do; more of them come in company
FRAME_US: Final = 22.0  # send one frame to one client, however small: the workers
KV_US: Final = 0.05  # encrypt and copy one KV of a frame for one client
CLIENT_US: Final = 6.0  # a second: a client's share of its ping and pong
BASE_US: Final = 10_000.0  # a second: reports, probes and ticks of all processes
LONGEST_SPACING_SECONDS: Final = 0.05  # TYPHA_BATCHWINDOWMILLIS

BASE_MIB: Final = 57.0  # parent, ops, watcher without objects
WORKER_MIB: Final = 11.0
KIB_PER_KV: Final = 1.45  # of 600 bytes: in the store, and compressed in a snapshot
KIB_PER_CLIENT: Final = 33.0  # its socket, its session and TLS

CORES: Final = 2  # of the machine that it was measured on; the clients ran on them, too
TOLERANCE: Final = 0.2
PLANNED_USE: Final = 0.5  # of a worker's core, so that bursts and storms have room


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked of a server."""

    clients: int
    kvs: int
    rate: float = 0.0  # updates a second that clients are told of
    workers: int = 2
    crowding: float = 1.0  # runnable processes for each core: what takes 1 ms of CPU takes so many

    @property
    def frames(self) -> float:
        """Frames a second: the watcher spaces them by how long one takes to fan out."""
        spacing, kvs = 0.0, 1.0
        for _ in range(20):  # the more KVs in a frame, the longer until the next: it settles soon
            fan_out = self.clients / self.workers * (FRAME_US + KV_US * kvs) / 1e6
            fan_out *= self.crowding
            rounds = min(max(kvs, pacing.FEWEST), pacing.MOST)
            spacing = max(min(fan_out * rounds, LONGEST_SPACING_SECONDS), fan_out)
            kvs = max(1.0, self.rate * spacing)
        return min(self.rate, 1.0 / spacing) if spacing else self.rate

    @property
    def watcher_cores(self) -> float:
        """Cores that the watcher keeps busy; there is one watcher, so at most 1."""
        return (self.rate * UPDATE_US + min(self.rate, COLD_RATE) * COLD_US) / 1e6

    @property
    def worker_cores(self) -> float:
        """Cores that all workers keep busy."""
        a_client = self.frames * FRAME_US + self.rate * KV_US + CLIENT_US
        return self.clients * a_client / 1e6

    @property
    def planned_workers(self) -> int:
        """Workers to run, so that bursts and storms have room."""
        return max(1, math.ceil(self.worker_cores / PLANNED_USE))

    @property
    def cores(self) -> float:
        """Cores that the whole server keeps busy."""
        return BASE_US / 1e6 + self.watcher_cores + self.worker_cores

    @property
    def mib(self) -> float:
        """Memory of the whole server, in MiB."""
        of_kvs, of_clients = self.kvs * KIB_PER_KV / 1024, self.clients * KIB_PER_CLIENT / 1024
        return BASE_MIB + self.workers * WORKER_MIB + of_kvs + of_clients


def checks(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str, float, float]]:
    """Yield what was measured: scenario, what of it, the formula's figure, the measured one."""
    for row in rows:
        busy = row["workers"] + 1 + -(-row["clients"] // CLIENTS_PER_SWARM)
        load = Load(
            clients=row["clients"],
            kvs=row["kvs"],
            rate=row["rate"] or 0,
            workers=row["workers"],
            crowding=busy / CORES,
        )
        at = f"{load.clients} clients, {load.kvs} KVs, {load.rate:g}/s, {load.workers} workers"
        if row["scenario"] in ("idle", "churn"):
            yield at, "cores", load.cores, row["cpu_s"] / row["wall_s"]
        if row["scenario"] in ("start", "storm", "churn"):
            yield at, "MiB", load.mib, row["pss_mib"]


def read(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Read the rows that `benchmarks.fanout --format json` printed."""
    return [
        json.loads(line)
        for path in paths
        for line in path.read_text().splitlines()
        if line.startswith('{"scenario"')
    ]


@click.command(help=__doc__)
@click.option("--clients", default=600, show_default=True)
@click.option("--kvs", default=10_000, show_default=True)
@click.option("--rate", default=100.0, show_default=True, help="Updates a second.")
@click.option("--workers", default=2, show_default=True)
@click.option("--crowding", default=1.0, show_default=True, help="Runnable processes a core.")
@click.argument("measured", nargs=-1, type=click.Path(exists=True, path_type=Path))
def main(measured: tuple[Path, ...], **asked: Any) -> None:
    """Print what is needed; with files of measured rows, the formula beside them."""
    if not measured:
        load = Load(**asked)
        click.echo(f"{load.cores:.3f} cores ({load.watcher_cores:.3f} of them the watcher's)")
        click.echo(f"{load.mib:.0f} MiB, {load.frames:.0f} frames a second")
        click.echo(f"{load.planned_workers} workers")
        return
    cells = [["load", "", "formula", "measured", "off by"]]
    worst = 0.0
    for at, unit, formula, found in checks(read(measured)):
        off = formula / found - 1
        worst = max(worst, abs(off))
        cells.append([at, unit, f"{formula:.3g}", f"{found:.3g}", f"{off:+.0%}"])
    click.echo(align(cells))
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
