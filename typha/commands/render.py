"""`typha render`: what clients would receive for a folder of manifests, without a server."""

import logging
import os
from pathlib import Path

import click

from typha.commands import CommandError, lines
from typha.config.variables import CalicoVariables
from typha.datastore.files import folder
from typha.model.resources import Reading
from typha.syncers import catalog
from typha.syncers.offline import Offline
from typha.syncproto import dialects, generations
from typha.syncproto.generations import NEWEST
from typha.syncproto.messages import SyncerType


@click.command
@click.option(
    *("--from", "source"),
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="A folder of manifests, or one file.",
)
@click.option(
    "--syncer",
    type=click.Choice([syncer.value for syncer in SyncerType]),
    default=SyncerType.FELIX.value,
    show_default=True,
    help="The stream to show.",
)
@click.option(
    "--client-version",
    default=NEWEST,
    metavar="vX.Y",
    show_default=True,
    help="The client it is for.",
)
@click.option(
    *("--format", "layout"),
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one object a line.",
)
def render(source: Path, syncer: str, client_version: str, layout: str) -> int:
    """Print what clients would receive for a folder of manifests, sorted by key.

    Nothing is added that is not in the folder, but for what a syncer itself makes up.
    """
    try:
        dialect = dialects.of(generations.hello(version=client_version))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--client-version") from error
    reading = _reading()
    feeds = catalog.feeds(reading)
    try:
        contents = folder.read_once(source, {feed.resource for feed in feeds})
    except OSError as error:
        raise CommandError(f"cannot read {source}: {error.strerror}") from error
    logging.getLogger("typha").addHandler(logging.NullHandler())  # what is wrong is said below
    state = Offline(contents.objects, feeds, reading)
    for update in state.updates(SyncerType(syncer), dialect):
        if layout == "json":
            click.echo(lines.update_as_json(update))
        else:
            click.echo(lines.update_as_text(update))
    for problem in contents.problems:
        click.echo(f"warning: {problem.text}", err=True)
    for refusal in state.refusals():
        left_out = f"{refusal.resource} {refusal.name} is left out: {refusal.reason}"
        click.echo(f"warning: {left_out}", err=True)
    return 0


def _reading() -> Reading:
    """Read the two variables that change conversions, as the server does."""
    prefix = os.environ.get("FELIX_INTERFACEPREFIX", "").split(",")[0]
    pod_cidr = CalicoVariables(os.environ).flag("USE_POD_CIDR")
    return Reading(interface_prefix=prefix or Reading().interface_prefix, use_pod_cidr=pod_cidr)
