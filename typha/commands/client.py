"""`typha client`: connects as Felix would, and prints what it receives."""

import os
import secrets
import shutil
import socket
import sys
from typing import Final

import click

import typha
from typha import dialing
from typha.commands import CommandError, lines
from typha.dialing import Address, Connection, DialError, Tls
from typha.syncproto.messages import (
    ClientHello,
    Codec,
    Message,
    SyncerType,
    SyncStatus,
    SyncStatusMessage,
)

_FILE: Final = click.Path(dir_okay=False)


@click.command
@click.option(
    "--server",
    default=f"localhost:{dialing.DEFAULT_PORT}",
    show_default=True,
    metavar="HOST:PORT",
    help="The server to connect to.",
)
@click.option(
    "--syncer",
    type=click.Choice([syncer.value for syncer in SyncerType]),
    default=SyncerType.FELIX.value,
    show_default=True,
    help="The stream to ask for.",
)
@click.option("--ca-file", type=_FILE, help="The CA of the server's certificate.")
@click.option("--cert-file", type=_FILE, help="Our certificate.")
@click.option("--key-file", type=_FILE, help="The key of our certificate.")
@click.option("--server-cn", metavar="NAME", help="The common name the server must have.")
@click.option("--server-uri", metavar="URI", help="The URI that does as well.")
@click.option(
    *("--format", "layout"),
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one object a line.",
)
@click.option("--once", is_flag=True, help="End, with exit code 0, as soon as it is in sync.")
def client(server: str, syncer: str, layout: str, *, once: bool, **tls: str | None) -> int:
    """Connect as Felix would, and print what is received.

    With TLS, all three files and a name of the server are needed, as Felix needs them.
    """
    try:
        address = Address.parse(server)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--server") from error
    hello = ClientHello(
        hostname=socket.gethostname(),
        info="typha client",
        version=typha.__version__,
        syncer_type=syncer,
        supports_decoder_restart=True,
        compression_algorithms=(Codec.SNAPPY.value,),
        supports_modern_policy_keys=True,
        connection_id=secrets.randbits(63),
    )
    try:
        with dialing.connect(address, hello, tls=_tls(tls)) as connection:
            return _print_all(connection, layout, once=once)
    except DialError as error:
        raise CommandError(str(error), error.hint) from error
    except BrokenPipeError:
        # Whoever read our output has enough; nothing may be flushed into the pipe at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _tls(options: dict[str, str | None]) -> Tls | None:
    """Return what TLS is to use, None for none; raise UsageError for half of it."""
    given = {name: value for name, value in options.items() if value}
    if not given:
        return None
    files = ("ca_file", "cert_file", "key_file")
    missing = [f"--{name.replace('_', '-')}" for name in files if name not in given]
    if not given.keys() & {"server_cn", "server_uri"}:
        missing.append("--server-cn or --server-uri")
    if missing:
        raise click.UsageError(f"TLS also needs {', '.join(missing)}")
    return Tls(**given)


def _print_all(connection: Connection, layout: str, *, once: bool) -> int:
    """Print until the connection ends, which is an error, or, with `once`, until in sync."""
    _print(connection.server, layout)
    for message in connection:
        _print(message, layout)
        if once and message == SyncStatusMessage(status=SyncStatus.IN_SYNC):
            break
    return 0


def _print(message: Message, layout: str) -> None:
    if layout == "json":
        if block := b"\n".join(lines.as_json(message)):
            click.echo(block)
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    if text := "\n".join(lines.as_text(message, width)):
        click.echo(text)
