"""From the datastore's list to a server that is in sync: python -m benchmarks.ingest.

Starts the real server on two sizes of the same cluster and tells what the difference costs the
watcher: CPU against what orjson alone needs for the same bytes, memory per object, and how many
watch events one core takes in a second.
"""

import gc
import json
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from typing import Any, Final

import click
import orjson

from benchmarks import accounting, free_ports, netns, scenarios, tree
from benchmarks.bench import Bench, Options, say
from benchmarks.felix import Group
from benchmarks.objects import FAMILIES
from benchmarks.report import tidy

READY_SECONDS: Final = 300.0
PARSINGS: Final = 3  # the fastest counts
SETTLE_SECONDS: Final = 2.0  # a watcher in sync gives back the pages that are free within one
GOALS: Final = (  # figure of `compare`, what it is, limit, whether less is better
    ("times_orjson", "CPU to be in sync, times orjson", 3.0, True),
    ("memory_bytes_per_object", "memory, bytes an object", 1536.0, True),
    ("events_per_core_s", "changes a second on one core", 2000.0, False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One server, started on so many objects."""

    count: int
    wall_s: float  # until it is ready
    cpu_s: float  # of the watcher, until then
    pss_mib: float  # of the watcher
    parse_s: float  # what orjson needs for the list
    list_mib: float
    events_per_s: float  # from the datastore to one client
    event_cpu_us: float  # of the watcher
    missing: int


def parse_seconds(bench: Bench) -> tuple[float, int]:
    """Fetch the whole list and parse it; returns CPU seconds and bytes."""
    path = FAMILIES[bench.options.family].path
    with urllib.request.urlopen(f"http://127.0.0.1:{bench.api_port}{path}") as answer:
        text = answer.read()
    gc.disable()  # as the server does while lists come in
    fastest = float("inf")
    for _ in range(PARSINGS):
        begun = time.process_time()
        parsed = orjson.loads(text)
        fastest = min(fastest, time.process_time() - begun)
        del parsed
    gc.enable()
    return fastest, len(text)


def wait_ready(port: int) -> None:
    """Wait until a server says that all its streams are in sync."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readiness", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise tree.ServerError("the server does not become ready")


def watcher(bench: Bench) -> int:
    """Find the process that takes in what the datastore says."""
    return next(pid for pid, name in bench.tree.roles().items() if name == "typha watcher")


def run(family: str, count: int, burst: int) -> Start:
    """Start a server, then send it a burst, with one client to tell when it has arrived."""
    say(f"{count} {family}")
    port = free_ports.take()
    health = {"TYPHA_HEALTHENABLED": "true", "TYPHA_HEALTHPORT": str(port)}
    with Bench(Options(family=family, kvs=count, workers=1, settings=health)) as bench:
        parsed, size = parse_seconds(bench)
        begun = time.monotonic()
        bench.start()
        wait_ready(port)
        wall, pid = time.monotonic() - begun, watcher(bench)
        used = bench.tree.usage().by_process[pid]
        time.sleep(SETTLE_SECONDS)
        memory = accounting.pss_mib(pid)
        arrival = bench.connect([Group(clients=1)])
        fed = scenarios.burst(bench, burst)
        spent = fed.cpu_by_process[f"typha watcher {pid}"]
    return Start(
        count=count,
        wall_s=wall,
        cpu_s=used,
        pss_mib=memory,
        parse_s=parsed,
        list_mib=size / 2**20,
        events_per_s=burst / (fed.row.wall_s or 1.0),
        event_cpu_us=spent / burst * 1e6,
        missing=arrival["failed"] + fed.row.missing + fed.row.wrong,
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
        "events_per_core_s": 1e6 / large.event_cpu_us,
    }


def verdicts(found: dict[str, Any]) -> list[str]:
    """Put goals and figures side by side."""
    lines = []
    for name, text, limit, less in GOALS:
        figure = found[name]
        good = figure is not None and (figure <= limit if less else figure >= limit)
        bound = "at most" if less else "at least"
        verdict = "reached" if good else "missed"
        lines.append(f"{text:32} {tidy(figure):>10} {bound:>8} {limit:g}: {verdict}")
    return lines


@click.command(help=__doc__)
@click.option(
    "--family", type=click.Choice(["policies", "pods", "large-pods"]), default="large-pods"
)
@click.option("--small", default=1_000, show_default=True, help="Objects of the small cluster.")
@click.option("--large", default=20_000, show_default=True, help="Objects of the large one.")
@click.option("--burst", default=10_000, show_default=True, help="Watch events to send.")
@click.option("--netns", "isolated", is_flag=True, help="A network of its own (needs root).")
@click.option("--format", "layout", type=click.Choice(["text", "json"]), default="text")
def main(family: str, layout: str, *, isolated: bool, **sizes: int) -> None:
    """Measure and print."""
    if isolated:
        netns.enter()
    small, large = (run(family, sizes[size], sizes["burst"]) for size in ("small", "large"))
    difference = compare(small, large)
    for figures in (asdict(small), asdict(large), difference):
        shown = {name: tidy(value) for name, value in figures.items()}
        if layout == "json":
            click.echo(json.dumps(shown))
        else:
            click.echo("\n".join(f"{name:26} {value}" for name, value in shown.items()) + "\n")
    if layout == "text":
        click.echo("\n".join(verdicts(difference)))


if __name__ == "__main__":
    main()
