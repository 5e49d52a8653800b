"""The command line: `typha COMMAND`, each command in a module of its own, loaded when called.

Expected errors are one clear line, with a hint where there is one; the traceback comes with
`--debug` only.  Exit codes: 64 for wrong usage, 1 for an expected error, 70 for a bug of ours,
130 after Ctrl-C.
"""

import importlib
import logging
import sys
import traceback
from typing import Final, NoReturn

import click

from typha.commands import streams
from typha.config.errors import ConfigError

EXIT_ERROR: Final = 1
EXIT_USAGE: Final = 64  # sysexits.h's EX_USAGE, so that the 2 of `typha check` is its own
EXIT_BUG: Final = 70  # EX_SOFTWARE
EXIT_INTERRUPTED: Final = 130  # what a shell reports after Ctrl-C

# What `typha --help` shows.  The module typha.commands.<name> holds the command <name>.
SECTIONS: Final = {
    "Run": {
        "serve": "The server.",
        "demo": "Everything on one machine, from nothing; it takes seconds.",
    },
    "Look": {
        "status": "How the server and its datastore streams are doing.",
        "clients": "Who is connected, and how far behind.",
        "top": "The same, live.",
        "client": "Connect as Felix would, and print what is received.",
        "render": "Print what clients would receive for a folder of manifests.",
    },
    "Set up": {
        "check": "What would go wrong with this configuration, before it does.",
        "config": "The settings that act, and where each comes from.",
        "certs": "Make a CA and certificates for server and clients.",
        "version": "Which version this is.",
    },
}


class CommandError(click.ClickException):
    """An error that a user can do something about: one line, and a hint what to do."""

    exit_code = EXIT_ERROR

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)


class _Commands(click.Group):
    """The commands by name, each imported when it is called for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # type: ignore[explicit-override]  # typing.override came with 3.12
        """Name the commands, in the order of the help page."""
        del ctx
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # type: ignore[explicit-override]  # as above
        """Import a command's module, and return the command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"typha.commands.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # type: ignore[explicit-override]  # as above
        """List the commands by what they are for, without importing them."""
        del ctx
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()), col_spacing=4)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every setting of the server is described in docs/configuration.md.",
    no_args_is_help=True,
    subcommand_metavar="COMMAND [ARGUMENTS]",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="typha", message="%(version)s")
def typha(*, debug: bool) -> None:
    """Typha: Calico's fan-out server between the datastore and Felix.

    Watches the datastore once, and keeps every Felix and confd of the cluster up to date.
    """
    del debug  # main() looks for it anywhere on the line


def main() -> NoReturn:
    """Run the command that the arguments of the process name; the entry point of `typha`."""
    streams.prepare()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments  # so that it may stand behind the command as well
    arguments = [argument for argument in arguments if argument != "--debug"]
    sys.exit(run(arguments, debug=debug))


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run a command line and return its exit code, having said what went wrong on stderr."""
    # Only the server logs; a command says on stderr itself what is worth a line.
    logging.getLogger("typha").addHandler(logging.NullHandler())
    try:
        result = typha.main(arguments, prog_name="typha", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last place where an error can be made readable
        return report(error, debug=debug)
    return result if isinstance(result, int) else 0


def report(error: Exception, *, debug: bool) -> int:
    """Print an error as one line, or with its traceback, and return the exit code it means."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, click.UsageError):
        context = error.ctx.command_path if error.ctx else "typha"
        line = error.format_message().removesuffix(".")
        click.echo(f"{context}: {line}; `{context} --help` lists what there is", err=True)
        return EXIT_USAGE
    if isinstance(error, click.ClickException | ConfigError | OSError):
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"typha: {message}", err=True)
        return error.exit_code if isinstance(error, click.ClickException) else EXIT_ERROR
    kind = type(error).__name__
    advice = "" if debug else "; this is a bug, --debug shows where"
    click.echo(f"typha: {kind}: {error}{advice}", err=True)
    return EXIT_BUG
