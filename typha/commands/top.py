"""`typha top`: the server, live in a terminal."""

import contextlib
import importlib
import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import click

from typha.commands import asking, options, status, tables
from typha.ops import columns

LONGEST_SECONDS: Final = 24 * 3600.0  # between two looks
CANNOT_DRAW: Final = ("dumb", "unknown")  # values of TERM
LINES_BESIDES_CLIENTS: Final = 8  # headline, headings and blank lines
_CLIENTS: Final = (
    *("hostname", "address", "syncer", "version", "worker", "state"),
    *("behind", "behind_seconds", "queued_bytes", "last_pong"),
)
_SYNCERS: Final = {**columns.SYNCERS, "rate": "changes/s", "clients": "clients"}

Draw = Callable[[str], None]


@click.command
@asking.which_server
@click.option(
    "--interval",
    type=options.Seconds(min=0.1, max=LONGEST_SECONDS),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks.",
)
@click.option("--count", type=click.IntRange(min=1), help="End after so many looks.")
def top(interval: float, count: int | None, **which: Any) -> None:
    """Show the server and its clients, live, until Ctrl-C.

    Clients furthest behind come first, as many as the terminal has lines for.
    """
    server = asking.Server(**which)
    before: dict[str, Any] = {}
    with screen() as draw:
        for look in _looks(count):
            if look:
                time.sleep(interval)
            now = server.ask("/status.json")
            draw(picture(before, now, server.ask("/clients.json"), _lines()))
            before = now


def picture(
    before: dict[str, Any], now: dict[str, Any], clients: list[dict[str, Any]], lines: int
) -> str:
    """Write one picture of at most so many lines; `before` is the status of the last one."""
    parts = [
        status.headline(now),
        tables.table(_SYNCERS, syncers(before, now, clients)),
        tables.table(columns.PROCESSES, now["processes"]),
    ]
    used = sum(part.count("\n") + 1 for part in parts) + LINES_BESIDES_CLIENTS // 2
    room = max(3, lines - used)
    if clients:
        shape = {member: columns.CLIENTS[member] for member in _CLIENTS}
        parts.append(tables.table(shape, clients[:room]))
    return "\n\n".join(parts)


def syncers(
    before: dict[str, Any], now: dict[str, Any], clients: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows of the syncers with their clients, and changes per second since `before`."""
    passed = now["uptime_seconds"] - before.get("uptime_seconds", now["uptime_seconds"])
    known = {row["syncer"]: row["sequence"] for row in before.get("syncers", ())}
    rows = []
    for row in now["syncers"]:
        name = row["syncer"]
        changes = row["sequence"] - known.get(name, row["sequence"])
        served = sum(client["syncer"] == name for client in clients)
        rate = max(0.0, changes / passed) if passed > 0 else 0.0
        rows.append({**row, "rate": rate, "clients": served})
    return rows


@contextlib.contextmanager
def screen() -> Iterator[Draw]:
    """Give what draws a picture: over the last one where the terminal can, else below it."""
    if not sys.stdout.isatty() or os.environ.get("TERM") in CANNOT_DRAW:
        yield lambda picture: click.echo(f"{picture}\n")
    elif importlib.util.find_spec("rich"):
        live = importlib.import_module("rich.live")  # an extra: heavy, and only good for this
        text = importlib.import_module("rich.text")
        with live.Live(screen=True, auto_refresh=False) as shown:
            cut = {"no_wrap": True, "overflow": "crop"}
            yield lambda picture: shown.update(text.Text.from_ansi(picture, **cut), refresh=True)
    else:
        yield lambda picture: click.echo(f"\033[H\033[2J{picture}")


def _looks(count: int | None) -> Iterator[int]:
    look = 0
    while count is None or look < count:
        yield look
        look += 1


def _lines() -> int:
    return shutil.get_terminal_size().lines
