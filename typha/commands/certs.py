"""`typha certs`: a CA, and certificates for Typha and its clients."""

import shlex
from pathlib import Path

import click

from typha.certs import making
from typha.certs.making import Plan, Subject
from typha.commands import CommandError

_TEN_YEARS = 3650


@click.command
@click.option(
    *("--dir", "folder"),
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write them; made if it does not exist.",
)
@click.option("--rsa", "use_rsa", is_flag=True, help="RSA keys of 4096 bits instead of P-256.")
@click.option(
    "--days",
    type=click.IntRange(1, _TEN_YEARS),
    default=365,
    show_default=True,
    help="How long they are valid.",
)
@click.option("--server-cn", default="calico-typha", show_default=True, help="The server's name.")
@click.option("--client-cn", default="calico-node", show_default=True, help="The clients' name.")
@click.option("--server-uri", default="", help="A URI SAN for the server.")
@click.option("--client-uri", default="", help="A URI SAN for the clients.")
@click.option("--force", is_flag=True, help="Replace what is there.")
def certs(folder: Path, *, force: bool, use_rsa: bool, days: int, **names: str) -> None:
    """Make a CA and certificates for server and clients.

    \b
    typhaca.crt, typhaca.key            the certificate authority
    typha.crt, typha.key                the server, CN calico-typha
    calico-node.crt, calico-node.key    its clients, CN calico-node
    """  # noqa: D301 click's mark for lines to keep as they are
    server = Subject(
        stem="typha", common_name=names["server_cn"], uri=names["server_uri"], server=True
    )
    client = Subject(stem="calico-node", common_name=names["client_cn"], uri=names["client_uri"])
    plan = Plan(subjects=(server, client), days=days, use_rsa=use_rsa)
    present = [name for name in plan.files() if (folder / name).exists()]
    if present and not force:
        raise CommandError(f"{folder / present[0]} is there already", "--force replaces it")
    try:
        paths = making.make(plan, folder)
    except ValueError as error:
        raise CommandError(f"a certificate cannot hold this name: {error}") from error
    for path in paths:
        click.echo(path)
    click.echo(_advice(folder, names), err=True)


def _advice(folder: Path, names: dict[str, str]) -> str:
    """Say how the server is told about them."""
    place = folder.absolute()
    settings = {
        "TYPHA_CAFILE": place / f"{making.AUTHORITY_STEM}.crt",
        "TYPHA_SERVERCERTFILE": place / "typha.crt",
        "TYPHA_SERVERKEYFILE": place / "typha.key",
        "TYPHA_CLIENTCN": names["client_cn"],
    }
    lines = [f"  {name}={shlex.quote(str(value))}" for name, value in settings.items()]
    return "\n".join(["\nFor the server:", *lines])
