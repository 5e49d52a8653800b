"""How connections even out over the Typhas of a Service: our rule beside the reference's.

Everything is simulated, the clock too; the code that decides is the server's own.
"""

import itertools
import math
from collections.abc import Callable
from typing import Final, NamedTuple

import click

from benchmarks import typhas
from benchmarks.report import align
from benchmarks.typhas import Cluster
from typha.watcher.rebalance import Bounds

SETTLING_SECONDS: Final = 120.0  # before anything happens
WATCHED_SECONDS: Final = 1800.0  # after it has happened
SKEWED_SECONDS: Final = 6000.0  # one Typha alone, dropping one connection a second
CALM_SECONDS: Final = 300.0  # without a drop at the end, or it never settled
READY_SECONDS: Final = 10.0  # of a new server
FLEETS: Final = {3: 250, 10: 625, 20: 1250}  # replicas: nodes, each with four connections
UPPER: Final = 10000
FULL: Final = 412  # connections a server, where the limit is LIMIT: none has room for another
LIMIT: Final = 408


class Result(NamedTuple):
    """How one rule fared.  `settled` is None if it went on dropping to the end."""

    settled: float | None  # seconds until the last client was sent away
    drops: int
    repeated: int  # drops of a client that had been dropped less than a minute before
    fewest: float  # connections of a server at the end, in shares of an even distribution
    most: float


class Scenario(NamedTuple):
    """What is there at first, and what then happens."""

    name: str
    begin: Callable[[Cluster, int, int], None]  # with so many replicas and nodes
    happen: Callable[[Cluster, int], None]
    watched: float = WATCHED_SECONDS
    limit: int | None = None  # instead of the formula's


class Choices(NamedTuple):
    """What can be chosen on the command line."""

    lower: int = 100
    old: float = 0.0
    seed: int = 1


def _even(cluster: Cluster, replicas: int, nodes: int) -> None:
    _start(cluster, replicas)
    cluster.populate(nodes, [1.0] * replicas)


def _half(cluster: Cluster, replicas: int, nodes: int) -> None:
    _even(cluster, math.ceil(replicas / 2), nodes)


def _skewed(cluster: Cluster, replicas: int, nodes: int) -> None:
    _start(cluster, replicas)
    cluster.populate(nodes, [0.9] + [0.1 / (replicas - 1)] * (replicas - 1))


def _full(cluster: Cluster, replicas: int, _nodes: int) -> None:
    _even(cluster, replicas, replicas * FULL // 4)


def _start(cluster: Cluster, replicas: int) -> None:
    for _ in range(replicas):
        cluster.start()


def _nothing(_cluster: Cluster, _replicas: int) -> None:
    pass


def _grow(cluster: Cluster, replicas: int) -> None:
    for _ in range(replicas - len(cluster.typhas)):
        cluster.start(ready_after=READY_SECONDS)


def _shrink(cluster: Cluster, replicas: int) -> None:
    for typha in cluster.typhas[: replicas // 2]:
        cluster.stop(typha)


def _update(cluster: Cluster, replicas: int) -> None:
    """Replace all, as the Deployment's surge of 100 % does: the new ones first."""
    old = list(cluster.typhas)
    for _ in range(replicas):
        cluster.start(ready_after=READY_SECONDS)
    for typha in old:
        cluster.at(cluster.now + READY_SECONDS, lambda typha=typha: cluster.stop(typha))


SCENARIOS: Final = (
    Scenario("skewed: 90 % on one", _skewed, _nothing, SKEWED_SECONDS),
    Scenario("scale up: twice as many", _half, _grow),
    Scenario("scale down: half as many", _even, _shrink),
    Scenario("rolling update", _even, _update),
    Scenario(f"all full: {FULL} of {LIMIT}", _full, _nothing, limit=LIMIT),
)
RULES: Final = {"ours": typhas.Ours, "original": typhas.Original}


def simulate(scenario: Scenario, rule: str, replicas: int, choices: Choices) -> Result:
    """Run a scenario under one of the rules."""
    bounds = Bounds(choices.lower, UPPER)
    cluster = Cluster(RULES[rule], bounds, seed=choices.seed, limit=scenario.limit)
    scenario.begin(cluster, replicas, FLEETS[replicas])
    cluster.forget(choices.old)
    begins = 0.0 if scenario.happen is _nothing else SETTLING_SECONDS
    cluster.run_until(begins)
    scenario.happen(cluster, replicas)
    cluster.run_until(begins + scenario.watched)
    held = [len(typha.clients) for typha in cluster.ready()]
    even = sum(held) / len(held)
    goes_on = cluster.drops and cluster.now - cluster.dropped_at < CALM_SECONDS
    return Result(
        settled=None if goes_on else max(0.0, cluster.moved_at - begins),
        drops=cluster.drops,
        repeated=cluster.repeated,
        fewest=min(held) / even,
        most=max(held) / even,
    )


def row(scenario: Scenario, rule: str, replicas: int, result: Result) -> list[str]:
    """Spell a result as cells of the table."""
    return [
        scenario.name,
        str(replicas),
        rule,
        "never" if result.settled is None else f"{result.settled:.0f}",
        str(result.drops),
        str(result.repeated),
        f"{result.fewest:.2f} to {result.most:.2f}",
    ]


HEADINGS: Final = ["scenario", "Typhas", "rule", "settled s", "drops", "in a minute", "of even"]


@click.command(help=__doc__)
@click.option("--lower", default=100, show_default=True, help="MaxConnectionsLowerLimit.")
@click.option("--old", default=0.0, show_default=True, help="Share of clients before v3.31.")
@click.option("--seed", default=1, show_default=True, help="Of everything that is left to chance.")
def main(lower: int, old: float, seed: int) -> None:
    """Simulate and print."""
    choices = Choices(lower, old, seed)
    cells = [HEADINGS]
    for scenario, replicas, rule in itertools.product(SCENARIOS, FLEETS, RULES):
        cells.append(row(scenario, rule, replicas, simulate(scenario, rule, replicas, choices)))
    click.echo(align(cells))


if __name__ == "__main__":
    main()
