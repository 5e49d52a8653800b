"""`typha render`: what clients would receive for what is saved in files, without a server."""

import logging
import os
from pathlib import Path

import click

from typha.commands import CommandError, lines
from typha.config.variables import CalicoVariables
from typha.datastore.etcd import dump
from typha.datastore.files import folder
from typha.model.resources import Reading
from typha.syncers import catalogs
from typha.syncers.offline import Offline
from typha.syncproto import dialects, generations
from typha.syncproto.generations import NEWEST
from typha.syncproto.messages import SyncerType


@click.command
@click.option(
    *("--from", "source"),
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="A folder of manifests or one file; or a dump: etcdctl get /calico --prefix -w json.",
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

    Nothing is added that is not there, but for what a syncer itself makes up.
    """
    try:
        dialect = dialects.of(generations.hello(version=client_version))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--client-version") from error
    try:
        state, problems = _state(source, _reading())
    except OSError as error:
        raise CommandError(f"cannot read {source}: {error.strerror}") from error
    except dump.DumpError as error:
        raise CommandError(f"{source} is not a whole dump of etcd: {error}") from error
    for update in state.updates(SyncerType(syncer), dialect):
        if layout == "json":
            click.echo(lines.update_as_json(update))
        else:
            click.echo(lines.update_as_text(update))
    for problem in problems:
        click.echo(f"warning: {problem}", err=True)
    for refusal in state.refusals():
        left_out = f"{refusal.resource} {refusal.name} is left out: {refusal.reason}"
        click.echo(f"warning: {left_out}", err=True)
    return 0


def _state(source: Path, reading: Reading) -> tuple[Offline, list[str]]:
    """Take in a folder or file of manifests, or a saved dump of etcd; tell what is wrong with it.

    Raises OSError and DumpError.
    """
    logging.getLogger("typha").addHandler(logging.NullHandler())  # what is wrong is said by us
    data = source.read_bytes() if source.is_file() else b""
    if dump.is_dump(data):
        return Offline(dump.read_dump(data), catalogs.of("etcdv3", reading), reading), []
    rows = catalogs.of("file", reading)
    contents = folder.read_once(source, rows.resources)
    problems = [problem.text for problem in contents.problems]
    return Offline(contents.objects, rows, reading), problems


def _reading() -> Reading:
    """Read the two variables that change conversions, as the server does."""
    prefix = os.environ.get("FELIX_INTERFACEPREFIX", "").split(",")[0]
    pod_cidr = CalicoVariables(os.environ).flag("USE_POD_CIDR")
    return Reading(interface_prefix=prefix or Reading().interface_prefix, use_pod_cidr=pod_cidr)
