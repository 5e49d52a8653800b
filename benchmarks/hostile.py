"""Strangers of all kinds connect by the thousand: what the clients there are notice of it.

Measures how late 100 proper clients get updates, in turns without strangers and with them, and
then whether a newcomer still gets in at once while the port is full of them.
"""

import statistics
import subprocess
import sys
import time
from collections import Counter
from typing import Any, Final

import click

from benchmarks.bench import Bench, Options, allow_descriptors, say
from benchmarks.children import Child
from benchmarks.felix import Group
from benchmarks.report import align, percentiles, tidy

ROUNDS: Final = 4  # each first without strangers, then with them
PER_ADDRESS: Final = 100  # all proper clients come from one address here
NEWCOMERS: Final = 10
FOREVER: Final = float("inf")


class Siege:
    """One server, its clients and its strangers."""

    def __init__(self, bench: Bench, strangers: Child, count: int, seconds: float) -> None:
        self._bench = bench
        self._strangers = strangers
        self._count = count
        self._seconds = seconds
        self.came: Final[Counter[str]] = Counter()
        self.cut_short: Final[Counter[str]] = Counter()

    def round(self, *, hostile: bool) -> tuple[float, float]:
        """Let updates flow for a while; give their median and 99th percentile, in ms."""
        bench = self._bench
        bench.mark()
        if hostile:
            rate = self._count / self._seconds
            self._strangers.order("come", connections=self._count, rate=rate, port=bench.tree.port)
        sent = bench.load.ask("churn", rate=bench.options.rate, seconds=self._seconds)
        bench.delivered(sent["last"])
        if hostile:
            answer = self._strangers.answer()
            self.came.update(answer["came"])
            self.cut_short.update(answer["cut_short"])
        found = percentiles(bench.report()["latency"])
        return found["p50_ms"], found["p99_ms"]

    def newcomer(self) -> float:
        """Tell how long a newcomer takes to be in sync while strangers fill the port, in s."""
        with self._bench.swarm(number=9000, samplers=0) as scout:
            arrived = scout.ask("connect", groups=[{"clients": 1}], port=self._bench.tree.port)
            return float(arrived["last_s"]) if arrived["in_sync"] else FOREVER


def foreign_certificate(bench: Bench) -> None:
    """Make a certificate that our authority has not signed, under a client's name."""
    folder = bench.certs
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    files = ["-keyout", str(folder / "stranger.key"), "-out", str(folder / "stranger.crt")]
    about = ["-nodes", "-subj", "/CN=calico-node", "-days", "1"]
    subprocess.run([*command, *files, *about], check=True, capture_output=True)


def run(options: Options, strangers: int, rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure; returns the figures."""
    each = strangers // rounds
    allow_descriptors(strangers + options.clients)
    with Bench(options) as bench:
        foreign_certificate(bench)
        bench.start()
        arrived = bench.connect([Group(clients=options.clients)])
        say(f"{arrived['in_sync']} of {options.clients} clients in sync")
        with Child("strangers", "--certs", str(bench.certs)) as crowd:
            siege = Siege(bench, crowd, each, options.seconds)
            quiet, loud, newcomers = [], [], []
            for turn in range(rounds):
                quiet.append(siege.round(hostile=False))
                loud.append(siege.round(hostile=True))
                newcomers += [siege.newcomer() for _ in range(NEWCOMERS // rounds or 1)]
                left = crowd.ask("leave")["left"]
                say(f"round {turn + 1}: p99 {quiet[-1][1]:.1f} and {loud[-1][1]:.1f} ms")
                say(f"  newcomer in sync within {newcomers[-1]:.3f} s, {left} strangers left")
                time.sleep(1.0)
            received = bench.report()
            checked = bench.check()
    before, during = (statistics.median(p99 for _, p99 in each) for each in (quiet, loud))
    return {
        "clients": options.clients,
        "strangers": siege.came.total(),
        "p50_ms_quiet": statistics.median(p50 for p50, _ in quiet),
        "p50_ms_hostile": statistics.median(p50 for p50, _ in loud),
        "p99_ms_quiet": before,
        "p99_ms_hostile": during,
        "p99_ratio": during / before if before else 0.0,
        "newcomer_s": statistics.median(newcomers),
        "newcomer_s_worst": max(newcomers),
        "clients_lost": received["closed"],
        "wrong": checked["wrong"],
        "missing": checked["missing"],
        "came": dict(siege.came),
        "cut_short": dict(siege.cut_short),
    }


@click.command(help=__doc__)
@click.option("--clients", default=100, show_default=True, help="Proper clients.")
@click.option("--strangers", default=10_000, show_default=True, help="Connections of others.")
@click.option("--rate", default=100.0, show_default=True, help="Updates a second.")
@click.option("--seconds", default=10.0, show_default=True, help="Length of half a round.")
@click.option("--kvs", default=2_000, show_default=True, help="Objects in the datastore.")
@click.option("--workers", default=2, show_default=True, help="Worker processes of the server.")
def main(strangers: int, **given: Any) -> None:
    """Run, print, and exit with 1 if a proper client was lost, or was told anything wrong."""
    settings = {
        "TYPHA_MAXUNAUTHENTICATED": "1000",
        "TYPHA_MAXUNAUTHENTICATEDPERADDRESS": str(PER_ADDRESS),
    }
    figures = run(Options(samplers=1, settings=settings, **given), strangers)
    counted = {name: figures.pop(name) for name in ("came", "cut_short")}
    lines = [[name, str(tidy(value))] for name, value in figures.items()]
    for heading, counts in counted.items():
        lines += [[f"{heading}: {name}", str(count)] for name, count in counts.items()]
    click.echo(align(lines))
    sys.exit(1 if figures["clients_lost"] or figures["wrong"] + figures["missing"] else 0)


if __name__ == "__main__":
    main()
