"""The `calico-typha` entry point: exactly the original's options, outputs and exit codes.

The original parses its options with docopt: long ones may be abbreviated, each may stand once,
there are no arguments, and anything else prints the usage and exits with 1.  Who asks for help or
the version is shown it, whatever else is asked.
"""

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

import click

from typha import commands
from typha.commands import early, streams, version
from typha.config import loading

USAGE: Final = """Usage:
  calico-typha [options]"""

HELP: Final = f"""Typha, Calico's fan-out proxy.

{USAGE}

Options:
  -c --config-file=<filename>  Configuration file [default: {loading.DEFAULT_FILE}].
  --version                    Print the version and exit."""

_LONG: Final = ("--config-file", "--version")


class UsageError(Exception):
    """The arguments are not the original's; says which option is at fault, where one is."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the arguments ask for; `shows` is "help", "version" or empty to serve."""

    config_file: str = loading.DEFAULT_FILE
    shows: str = ""


def parse(arguments: list[str]) -> Call:
    """Read the arguments as docopt reads them; raise UsageError for what it refuses."""
    options = _options(arguments)
    names = [name for name, _ in options]
    for shown in ("--help", "--version"):
        if shown in names:
            return Call(shows=shown.removeprefix("--"))
    if len(options) > 1 or names not in ([], ["--config-file"]):
        raise UsageError
    return Call(config_file=options[0][1] if options else loading.DEFAULT_FILE)


def _options(arguments: list[str]) -> list[tuple[str, str]]:
    """Return the options with their values, by their long names."""
    options: list[tuple[str, str]] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":  # nothing behind it is an option
            options += [("argument", each) for each in (argument, *rest)]
        elif argument.startswith("--"):
            options.append(_long(argument, rest))
        elif argument.startswith("-") and argument != "-":
            options += _short(argument, rest)
        else:
            options.append(("argument", argument))
    return options


def _long(argument: str, rest: Iterator[str]) -> tuple[str, str]:
    name, equals, value = argument.partition("=")
    known = [option for option in _LONG if option.startswith(name)]
    name = known[0] if len(known) == 1 else name
    if name == "--config-file" and not equals:
        return name, _argument(name, rest)
    if name == "--version" and equals:
        raise UsageError(f"{name} must not have an argument")
    return ("argument" if name == "--help" and equals else name), value


def _short(argument: str, rest: Iterator[str]) -> list[tuple[str, str]]:
    """Read a cluster of short options, in which `-c` takes what follows it."""
    options: list[tuple[str, str]] = []
    for at, letter in enumerate(argument[1:], start=2):
        if letter == "c":
            return [*options, ("--config-file", argument[at:] or _argument("-c", rest))]
        options.append(("--help" if letter == "h" else f"-{letter}", ""))
    return options


def _argument(name: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise UsageError(f"{name} requires argument")
    return value


def main() -> NoReturn:
    """Run the server as the original is run; the entry point of `calico-typha`."""
    streams.prepare()
    try:
        call = parse(sys.argv[1:])
    except UsageError as error:
        click.echo("\n".join([*error.args, USAGE]), err=True)
        sys.exit(1)
    if call.shows == "help":
        click.echo(HELP)
        sys.exit(0)
    if call.shows == "version":
        click.echo("\n".join(version.lines()) + "\n")
        sys.exit(0)
    sys.exit(serve(call.config_file))


def serve(config_file: str) -> int:
    """Run the server; return the exit code, having said on stderr why it could not start."""
    early.obey()
    module = importlib.import_module("typha.commands.serve")  # only now: the others start fast
    try:
        code: int = module.run(config_file)
    except KeyboardInterrupt:
        return commands.EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last place where an error can be made readable
        return min(commands.report(error, debug=False), commands.EXIT_ERROR)
    return code
