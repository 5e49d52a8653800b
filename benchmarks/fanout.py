"""One server under many clients, from the datastore's event to the key that a client has read.

Starts the real process tree, an API server for it and simulated Felix clients, and prints what
the server's processes needed and how late the clients were.  See docs/performance.md.
"""

import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks import goals, netns, plot, report, scenarios
from benchmarks.bench import Bench, Options, say
from benchmarks.children import ChildError
from benchmarks.report import Outcome, Row
from benchmarks.tree import ServerError

ALL = ",".join(scenarios.SCENARIOS)


@click.command(help=__doc__)
@click.option("--suite", type=click.Choice(["goals"]), help="Every goal beside its figure.")
@click.option("--scenarios", "wanted", default=ALL, show_default=True, help="In this order.")
@click.option("--clients", default=600, show_default=True, help="Simulated Felix clients.")
@click.option("--workers", default=2, show_default=True, help="Worker processes of the server.")
@click.option("--kvs", default=10_000, show_default=True, help="Objects in the datastore.")
@click.option("--rate", default=1000.0, show_default=True, help="Updates a second in churn.")
@click.option("--seconds", default=10.0, show_default=True, help="Length of churn and idle.")
@click.option("--stuck", default=1, show_default=True, help="Clients that stop reading.")
@click.option("--samplers", default=3, show_default=True, help="Clients that decode all, a swarm.")
@click.option("--family", type=click.Choice(["policies", "pods"]), default="policies")
@click.option(
    "--source",
    type=click.Choice(["api", "kvs"]),
    default="api",
    show_default=True,
    help="A loopback API server; or ready updates, fed in process.",
)
@click.option("--tls13", "protocol", flag_value="tls13", default=True, help="The default.")
@click.option("--tls12", "protocol", flag_value="tls12")
@click.option("--rsa", is_flag=True, help="RSA certificates instead of P-256.")
@click.option("--seed", default=1, show_default=True, help="Which objects change when.")
@click.option("--setting", multiple=True, metavar="NAME=VALUE", help="For the server; repeatable.")
@click.option("--command", metavar="COMMAND", help="Another server to measure.")
@click.option("--beside", metavar="COMMAND", help="Measure this server too, right after ours.")
@click.option("--netns", "isolated", is_flag=True, help="A network of its own (needs root).")
@click.option("--format", "layout", type=click.Choice(["text", "json"]), default="text")
@click.option("--plot", "picture", type=click.Path(dir_okay=False, path_type=Path))
def main(
    suite: str | None,
    wanted: str,
    layout: str,
    picture: Path | None,
    *,
    isolated: bool,
    **given: Any,
) -> None:
    """Parse, run, print."""
    if isolated:
        netns.enter()
    beside = given.pop("beside")
    options = read_options(given)
    rows, others = goals.Rows(), goals.Rows()
    outcomes: list[Outcome] = []
    for leg in legs(suite, wanted):
        for outcome in measure(leg, replace(options, **leg.options), rows):
            outcomes.append(outcome)
            if layout == "json":
                click.echo(outcome.row.line())
        if beside:
            other = replace(options, **leg.options, command=beside.split())
            deque(measure(leg, other, others), maxlen=0)
    texts = [] if layout == "json" else [report.table(rows.all())]
    texts.extend(summary(rows, others, beside=beside, suite=suite))
    click.echo("\n\n".join(texts), err=layout == "json")
    if picture:
        plot.write(picture, outcomes)
    sys.exit(0 if correct(rows.all()) else 1)


def summary(
    rows: goals.Rows, others: goals.Rows, *, beside: str | None, suite: str | None
) -> Iterator[str]:
    """Lay out the other server's rows, and the goals, as far as they are wanted."""
    if beside:
        yield f"beside: {beside}\n{report.table(others.all())}"
    if suite:
        yield goals.table(rows, others if beside else None)


def read_options(given: dict[str, Any]) -> Options:
    """Make options of what click read."""
    settings = dict(setting.split("=", 1) for setting in given.pop("setting"))
    command = (given.pop("command") or "").split()
    return Options(**given, settings=settings, command=command)


def legs(suite: str | None, wanted: str) -> tuple[goals.Leg, ...]:
    """Return the suite's legs, or one of the scenarios of the command line."""
    if suite:
        return goals.LEGS
    names = tuple(name for name in wanted.split(",") if name)
    for name in names:
        if name.partition("@")[0] not in scenarios.SCENARIOS:
            raise click.BadParameter(f"{name} is none of {ALL}", param_hint="--scenarios")
    return (goals.Leg(name="run", scenarios=names),)


def measure(leg: goals.Leg, options: Options, rows: goals.Rows) -> Iterator[Outcome]:
    """Run the scenarios of a leg on one server, and keep their rows."""
    say(f"{options.clients} clients, {options.kvs} {options.family}, {options.workers} workers")
    with Bench(options) as bench:
        for scenario in leg.scenarios:
            name, _, rate = scenario.partition("@")
            say(f"{scenario}: {(scenarios.SCENARIOS[name].__doc__ or '').splitlines()[0]}")
            try:
                outcome = scenarios.SCENARIOS[name](bench.at_rate(float(rate)) if rate else bench)
            except (ChildError, ServerError) as error:
                words = bench.tree.last_words() if bench.running else ""
                raise click.ClickException(f"{scenario}: {error}\n{words}") from error
            used = outcome.cpu_by_process.items()
            say("CPU s: " + ", ".join(f"{process} {cpu:.2f}" for process, cpu in used))
            for note in outcome.notes:
                say(note)
            if not correct([outcome.row]):
                for complaint in bench.tree.complaints():
                    say(complaint)
            rows.add(leg.name, scenario, outcome.row)
            yield outcome


def correct(rows: list[Row]) -> bool:
    """Tell whether all clients were told the truth, and all of it."""
    return not any(row.wrong or row.missing for row in rows)


if __name__ == "__main__":
    main()
