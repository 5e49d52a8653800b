"""`typha check`: what would go wrong with this configuration, before it does."""

import dataclasses
import datetime as dt
import itertools
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click

from typha.commands import options, structured
from typha.commands.checks import certificates, datastore, places, settings
from typha.config import findings, loading
from typha.config.errors import ConfigError
from typha.config.findings import Finding, Verdict
from typha.config.loading import Loaded

_EXIT_CODES: Final = {Verdict.OK: 0, Verdict.WARNING: 1, Verdict.ERROR: 2}
_MARKS: Final = {Verdict.OK: "ok", Verdict.WARNING: "WARN", Verdict.ERROR: "ERROR"}
_COLOURS: Final = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.ERROR: "red"}

Sections = Iterable[tuple[str, Iterable[Finding]]]


@click.command
@options.config_file
@options.layout
def check(config_file: str, layout: str) -> int:
    """Find what would go wrong with this configuration, before it does.

    Reads the configuration as the server would, and looks at settings, certificates, folders,
    ports and the datastore. Changes nothing.

    With --format json, each finding is an object on a line of its own.

    Exits with 0 if all is well, 1 if there are warnings, 2 if there are errors.
    """
    loaded, errors = loading.examine(os.environ, config_file)
    verdicts: Counter[Verdict] = Counter()
    show = _show_json if layout == "json" else _show_text
    for title, section in _sections(config_file, loaded, errors):
        verdicts.update(show(title, section))
    if layout == "text":
        click.echo(_summary(verdicts))
    return max((_EXIT_CODES[verdict] for verdict in verdicts), default=0)


def _sections(config_file: str, loaded: Loaded, errors: tuple[ConfigError, ...]) -> Sections:
    """Name what is looked at, in order; each is looked at when its findings are taken."""
    made = loaded.settings
    return (
        ("Settings", itertools.chain(_file(config_file), settings.find(loaded, errors))),
        ("Certificates", certificates.find(made, dt.datetime.now(dt.UTC))),
        ("Folders and ports", places.find(made)),
        ("Datastore", datastore.find(made.datastore)),
    )


def _file(config_file: str) -> Iterator[Finding]:
    """Look whether a file that somebody named is there: the server does without."""
    if config_file != loading.DEFAULT_FILE and not Path(config_file).exists():
        message = f"{config_file} does not exist, so nothing is read from it"
        yield findings.warning("--config-file", message)


def _show_text(title: str, section: Iterable[Finding]) -> list[Verdict]:
    """Print a section as it is looked at, and return its verdicts."""
    colourful = sys.stdout.isatty()
    click.echo(click.style(title, bold=True) if colourful else title)
    verdicts = []
    for finding in section:
        mark = f"{_MARKS[finding.verdict]:<5}"
        mark = click.style(mark, fg=_COLOURS[finding.verdict]) if colourful else mark
        hint = f" ({finding.hint})" if finding.hint else ""
        click.echo(f"  {mark} {finding.subject}: {finding.message}{hint}")
        verdicts.append(finding.verdict)
    if not verdicts:
        click.echo("  nothing to look at")
    return verdicts


def _show_json(title: str, section: Iterable[Finding]) -> list[Verdict]:
    """Print a section as JSON lines, and return its verdicts."""
    verdicts = []
    for finding in section:
        click.echo(structured.dumps({"section": title, **dataclasses.asdict(finding)}))
        verdicts.append(finding.verdict)
    return verdicts


def _summary(verdicts: Counter[Verdict]) -> str:
    errors, warnings = verdicts[Verdict.ERROR], verdicts[Verdict.WARNING]
    return f"\nerrors: {errors}, warnings: {warnings}, ok: {verdicts[Verdict.OK]}"
