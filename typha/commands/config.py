"""`typha config`: the settings that act, and where each comes from."""

import logging
import os
import sys
from typing import Final

import click
import orjson

from typha.commands import options, structured
from typha.config import listing, loading
from typha.config.errors import ConfigError
from typha.config.listing import Row
from typha.config.loading import Loaded
from typha.config.parsing import Value

_COLUMN: Final = 40  # the longest names of settings stay within it


@click.command
@options.config_file
@options.layout
def config(config_file: str, layout: str) -> int:
    """Print the settings that act, and where each comes from.

    Secrets are never printed.  Exits with 1 if the server would refuse to start with them.
    """
    loaded, errors = loading.examine(os.environ, config_file)
    rows = listing.rows(loaded, os.environ, config_file)
    click.echo(_as_json(rows, loaded, errors) if layout == "json" else _as_text(rows))
    if layout == "text":
        for note in loaded.notes:
            if note.level >= logging.WARNING:
                details = " ".join(f"{name}={value}" for name, value in note.fields.items())
                click.echo(f"warning: {note.message}: {details}", err=True)
    for error in errors:
        click.echo(f"error: {error}", err=True)
    return 1 if errors else 0


def _as_text(rows: list[Row]) -> str:
    """Lay the settings out in columns, those that somebody set first."""
    given = [row for row in rows if row.source != "default"]
    rest = [row for row in rows if row.source == "default"]
    parts = [_table("Set", given)] if given else []
    return "\n\n".join([*parts, _table("Defaults", rest)])


def _table(title: str, rows: list[Row]) -> str:
    emphasis = sys.stdout.isatty()
    lines = [click.style(title, bold=True) if emphasis else title]
    for row in rows:
        value = text(row.value)
        origin = "" if row.source == "default" else f"  ({row.source})"
        lines.append(f"  {row.name:<{_COLUMN}}{value}{origin}")
    return "\n".join(lines)


def text(value: Value) -> str:
    """Spell a value as it would be written in a configuration file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value) or "none"


def _as_json(rows: list[Row], loaded: Loaded, errors: tuple[ConfigError, ...]) -> bytes:
    listed = {
        "settings": {
            row.name: {"value": row.value, "source": row.source, "written": row.written}
            for row in rows
        },
        "warnings": [
            {"message": note.message, **note.fields}
            for note in loaded.notes
            if note.level >= logging.WARNING
        ],
        "errors": [
            {"setting": error.setting, "value": error.value, "accepted": error.accepted}
            for error in errors
        ],
    }
    return structured.dumps(listed, orjson.OPT_INDENT_2)
