"""From the datastore's list to a server that is in sync: python -m benchmarks.ingest.

Starts the real server on two sizes of the same cluster and tells what the difference costs: CPU
against what orjson alone needs for the same bytes, memory per object, and watch events a second.
"""

import gc
import json
import time
import urllib.request
from dataclasses import asdict, dataclass
from typing import Any

import click
import orjson

from benchmarks import netns, scenarios
from benchmarks.bench import Bench, Options, say
from benchmarks.felix import Group
from benchmarks.objects import FAMILIES
from benchmarks.report import tidy


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One server, started on so many objects."""

    count: int
    wall_s: float
    cpu_s: float
    pss_mib: float
    parse_s: float  # what orjson needs for the list
    list_mib: float
    events_per_s: float
    event_cpu_us: float  # of the whole tree, with one client
    missing: int


def parse_seconds(bench: Bench) -> tuple[float, int]:
    """Fetch the whole list and parse it; returns CPU seconds and bytes."""
    path = FAMILIES[bench.options.family].path
    with urllib.request.urlopen(f"http://127.0.0.1:{bench.api_port}{path}") as answer:
        text = answer.read()
    gc.disable()  # as the server does while lists come in
    begun = time.process_time()
    orjson.loads(text)
    parsed = time.process_time() - begun
    gc.enable()
    return parsed, len(text)


def run(options: Options, burst: int) -> Start:
    """Start a server, then send it a burst, with one client to tell when it has arrived."""
    say(f"{options.kvs} {options.family}")
    with Bench(options) as bench:
        parsed, size = parse_seconds(bench)
        begun = scenarios.start(bench).row
        bench.connect([Group(clients=1)])
        fed = scenarios.burst(bench, burst).row
    return Start(
        count=options.kvs,
        wall_s=begun.wall_s or 0.0,
        cpu_s=begun.cpu_s or 0.0,
        pss_mib=begun.pss_mib or 0.0,
        parse_s=parsed,
        list_mib=size / 2**20,
        events_per_s=burst / (fed.wall_s or 1.0),
        event_cpu_us=(fed.cpu_s or 0.0) / burst * 1e6,
        missing=begun.missing + fed.missing + fed.wrong,
    )


def compare(small: Start, large: Start) -> dict[str, Any]:
    """Tell what one more object costs, which leaves out what a server costs without any."""
    more = large.count - small.count
    cpu, parsing = large.cpu_s - small.cpu_s, large.parse_s - small.parse_s
    return {
        "cpu_us_per_object": cpu / more * 1e6,
        "orjson_us_per_object": parsing / more * 1e6,
        "times_orjson": cpu / parsing if parsing else None,
        "wall_us_per_object": (large.wall_s - small.wall_s) / more * 1e6,
        "memory_bytes_per_object": (large.pss_mib - small.pss_mib) / more * 2**20,
    }


@click.command(help=__doc__)
@click.option("--family", type=click.Choice(["policies", "pods"]), default="policies")
@click.option("--small", default=1_000, show_default=True, help="Objects of the small cluster.")
@click.option("--large", default=50_000, show_default=True, help="Objects of the large one.")
@click.option("--burst", default=10_000, show_default=True, help="Watch events to send.")
@click.option("--netns", "isolated", is_flag=True, help="A network of its own (needs root).")
@click.option("--format", "layout", type=click.Choice(["text", "json"]), default="text")
def main(family: str, layout: str, *, isolated: bool, **sizes: int) -> None:
    """Measure and print."""
    if isolated:
        netns.enter()
    counts = (sizes["small"], sizes["large"])
    starts = [run(Options(family=family, kvs=n, workers=1), sizes["burst"]) for n in counts]
    found = [*map(asdict, starts), compare(*starts)]
    for figures in found:
        shown = {name: tidy(value) for name, value in figures.items()}
        if layout == "json":
            click.echo(json.dumps(shown))
        else:
            click.echo("\n".join(f"{name:26} {value}" for name, value in shown.items()) + "\n")


if __name__ == "__main__":
    main()
