"""`typha status`: how the server stands, for people and for scripts."""

import time
from typing import Any, Final

import click
import orjson

from typha.commands import CommandError, asking, options, tables
from typha.ops import columns
from typha.telemetry import layouts

LOOK_SECONDS: Final = 0.25  # between two looks while waiting

_STREAMS: Final = {
    member: heading for member, heading in columns.STREAMS.items() if member != "revision"
}


@click.command
@asking.which_server
@click.option("--wait", is_flag=True, help="Wait until it is ready, also for it to start.")
@click.option(
    "--timeout",
    type=options.Seconds(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait; for ever if this is not given.",
)
@options.layout
def status(*, wait: bool, timeout: float, layout: str, **which: Any) -> int:
    """Print how the server, its processes and its datastore streams stand.

    Exits with 0 if the server is ready, with 1 if it is not.
    """
    server = asking.Server(**which)
    found = _waited_for(server, timeout) if wait else server.ask("/status.json")
    if layout == "json":
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        click.echo(text(found))
    return 0 if found["ready"] else 1


def _waited_for(server: asking.Server, timeout: float) -> Any:
    """Ask until the server is ready.  Raises CommandError when the time is over."""
    deadline = time.monotonic() + timeout if timeout else float("inf")
    while True:
        try:
            found = server.ask("/status.json")
        except asking.AbsentError as absent:
            found, reason = None, absent.format_message()
        else:
            reason = "; ".join(found["problems"])
        if found and found["ready"]:
            return found
        if time.monotonic() >= deadline:
            raise CommandError(f"not ready after {timeout:g} s: {reason}")
        time.sleep(LOOK_SECONDS)


def text(found: dict[str, Any]) -> str:
    """Write the status for people."""
    parts = [
        headline(found),
        tables.table(columns.PROCESSES, found["processes"]),
        tables.table(columns.SYNCERS, found["syncers"]),
    ]
    if found["streams"]:
        parts.append(tables.table(_STREAMS, found["streams"]))
    if found["invalid"]:
        parts.append(tables.table(columns.INVALID, found["invalid"]))
    return "\n\n".join(parts)


def headline(found: dict[str, Any]) -> str:
    """Write what one wants to know first, and every problem on a line of its own."""
    ready = found["ready"]
    word = click.style("ready" if ready else "not ready", fg="green" if ready else "red")
    limit = f" of {found['connection_limit']}" if found["connection_limit"] else ""
    since = columns.span(found["uptime_seconds"])
    first = (
        f"Typha {found['version']} is {word}: {found['phase']}, "
        f"up {since}, {found['connections']}{limit} connections"
    )
    problems = [click.style(f"  {layouts.escaped(p)}", fg="red") for p in found["problems"]]
    return "\n".join([first, *problems])
