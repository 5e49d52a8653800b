"""How the story is told: headings, facts and tables, and a sign of life while one waits."""

import sys
from collections.abc import Callable
from typing import Any, Final

import click

from typha.commands import CommandError, tables
from typha.commands.demonstration import cast
from typha.ops.columns import Columns

INDENT: Final = "   "
PATIENCE_SECONDS: Final = 60.0  # a loaded machine is slow
_CLEAR_LINE: Final = "\r\033[K"


class Teller:
    """Tells the chapters in order."""

    def __init__(self) -> None:
        self._chapter = 0

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapter += 1
        click.echo(f"\n{click.style(f'{self._chapter}  {title}', bold=True)}\n")

    def say(self, text: str = "") -> None:
        """Tell something."""
        click.echo(f"{INDENT}{text}" if text else "")

    def fact(self, name: str, value: object) -> None:
        """Tell one fact."""
        click.echo(f"{INDENT}{click.style(f'{name:<20}', dim=True)}{value}")

    def table(self, shape: Columns, rows: list[dict[str, Any]]) -> None:
        """Tell several things of the same kind."""
        for line in tables.table(shape, rows).splitlines():
            self.say(line)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that has to come.  Raises CommandError if it does not."""
        is_terminal = sys.stdout.isatty()
        if is_terminal:
            click.echo(f"{INDENT}{click.style(f'{what} …', dim=True)}", nl=False)
        came = cast.wait_until(condition, PATIENCE_SECONDS)
        if is_terminal:
            click.echo(_CLEAR_LINE, nl=False)
        if not came:
            raise CommandError(f"waited in vain for this: {what}", "--keep leaves all files")


def milliseconds(seconds: float) -> str:
    """Write a short time."""
    return f"{seconds * 1000:.0f} ms"
