"""`typha clients`: who is connected, and how far behind."""

from typing import Any, Final

import click
import orjson

from typha.commands import asking, options, tables
from typha.ops import columns

_WIDE: Final = ("sequence", "round_trip", "codec", "cert_not_after")
_USUAL: Final = {
    member: heading for member, heading in columns.CLIENTS.items() if member not in _WIDE
}


@click.command
@asking.which_server
@click.option("--syncer", metavar="NAME", help="Only those of one syncer.")
@click.option("--wide", is_flag=True, help="All there is to tell about each.")
@click.option(
    "--stale-after",
    type=options.Seconds(min=0),
    metavar="SECONDS",
    help="Exit with 1 if anybody is further behind than this.",
)
@click.option(
    *("--format", "layout"),
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one object a line.",
)
def clients(
    layout: str, syncer: str | None, stale_after: float | None, *, wide: bool, **which: Any
) -> int:
    """Print who is connected, those furthest behind first."""
    found = [
        client
        for client in asking.Server(**which).ask("/clients.json")
        if syncer in {None, client["syncer"]}
    ]
    if layout == "json":
        for client in found:
            click.echo(orjson.dumps(client))
    elif found:
        click.echo(tables.table(columns.CLIENTS if wide else _USUAL, found))
    else:
        click.echo("nobody is connected")
    if stale_after is None:
        return 0
    return int(any((client["behind_seconds"] or 0.0) > stale_after for client in found))
