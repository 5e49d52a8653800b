"""The `calico-typha` entry point: exactly the original's options, outputs and exit codes.

The original parses its options with docopt: long ones may be abbreviated, each may stand once,
there are no arguments, and anything else prints the usage and exits with 1.
"""

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

import click

from typha import commands
from typha.commands import version
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
    """The arguments are not the original's."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the arguments ask for; `shows` is "help", "version" or empty to serve."""

    config_file: str = loading.DEFAULT_FILE
    shows: str = ""


def parse(arguments: list[str]) -> Call:
    """Read the arguments as docopt reads them; raise UsageError for what it refuses."""
    options = _options(arguments)
    names = [name for name, _ in options]
    if "--help" in names:  # asks for no more than that, whatever else is wrong
        return Call(shows="help")
    if len(set(names)) < len(names) or not set(names) <= set(_LONG):
        raise UsageError
    found = dict(options)
    return Call(
        config_file=found.get("--config-file", loading.DEFAULT_FILE),
        shows="version" if "--version" in found else "",
    )


def _options(arguments: list[str]) -> list[tuple[str, str]]:
    """Return the options with their values, by their long names."""
    options: list[tuple[str, str]] = []
    rest = iter(arguments)
    for argument in rest:
        if argument.startswith("--") and argument != "--":
            options.append(_long(argument, rest))
        elif argument.startswith("-") and argument not in {"-", "--"}:
            options += _short(argument, rest)
        else:
            options.append(("argument", argument))
    return options


def _long(argument: str, rest: Iterator[str]) -> tuple[str, str]:
    name, equals, value = argument.partition("=")
    known = [option for option in _LONG if option.startswith(name)]
    name = known[0] if len(known) == 1 else name
    if name == "--config-file" and not equals:
        return name, _argument(rest)
    if name == "--version" and equals:
        raise UsageError
    return name, value


def _short(argument: str, rest: Iterator[str]) -> list[tuple[str, str]]:
    """Read a cluster of short options, in which `-c` takes what follows it."""
    options: list[tuple[str, str]] = []
    for at, letter in enumerate(argument[1:], start=2):
        if letter == "c":
            return [*options, ("--config-file", argument[at:] or _argument(rest))]
        options.append(("--help" if letter == "h" else f"-{letter}", ""))
    return options


def _argument(rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise UsageError
    return value


def main() -> NoReturn:
    """Run the server as the original is run; the entry point of `calico-typha`."""
    try:
        call = parse(sys.argv[1:])
    except UsageError:
        click.echo(USAGE, err=True)
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
    module = importlib.import_module("typha.commands.serve")  # only now: the others start fast
    try:
        code: int = module.run(config_file)
    except KeyboardInterrupt:
        return commands.EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last place where an error can be made readable
        return min(commands.report(error, debug=False), commands.EXIT_ERROR)
    return code
