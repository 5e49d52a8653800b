"""Measure the matrix with the default thresholds, and print it as a table.

usage: python -m tests.freshness [--rounds N] [CELL ...]

Each cell has a server and an API server of its own; they run side by side, as they mostly wait.
The slowest of several rounds counts.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from tests.freshness import matrix, upstream as api_server
from tests.freshness.observing import Outcome, observed, play

BOOKMARK_SECONDS = 20.0  # a real API server sends them about once a minute
AT_ONCE = 4


def measure(name: str) -> None:
    """Play one cell, and print what it took."""
    with (
        tempfile.TemporaryDirectory(prefix="t-") as folder,
        api_server.running(BOOKMARK_SECONDS) as upstream,
        observed(Path(folder), upstream) as seen,
    ):
        click.echo(json.dumps(play(matrix.BY_NAME[name], upstream, seen)))


def measured(name: str) -> Outcome:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "tests.freshness", "--alone", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return Outcome(*json.loads(done.stdout))


def row(name: str, found: list[Outcome]) -> str:
    """Write a line of the table."""
    offs = [off for off, _ in found if off is not None]
    off = f"{max(offs):.1f}" if offs else "stays on"
    return f"| {name} | {off} | {max(back for _, back in found):.1f} |"


def main() -> None:
    """Measure all, or what was asked for."""
    arguments = argparse.ArgumentParser(prog="python -m tests.freshness")
    arguments.add_argument("cells", nargs="*", metavar="CELL", help="all by default")
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--alone", choices=matrix.BY_NAME, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.alone:
        measure(options.alone)
        return
    names = options.cells or list(matrix.BY_NAME)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = {
            name: [pool.submit(measured, name) for _ in range(options.rounds)] for name in names
        }
        click.echo("| what happens | not ready after s | all well again after s |\n|---|---|---|")
        for name, rounds in found.items():
            click.echo(row(name, [each.result() for each in rounds]))


if __name__ == "__main__":
    main()
