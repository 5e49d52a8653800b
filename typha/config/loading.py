"""From environment and file to settings: what `serve`, `check` and `config` begin with."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typha.config import assembly, cpus, resolution, sources
from typha.config.errors import ConfigError
from typha.config.parsing import Value
from typha.config.resolution import Note, Origin, Surroundings
from typha.config.settings import Settings

DEFAULT_FILE: Final = "/etc/calico/typha.cfg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The settings, where each came from, and what to tell the user about them.

    `values` and `origins` are by the settings' names; values are those that act.
    """

    settings: Settings
    values: Mapping[str, Value]
    origins: Mapping[str, Origin]
    notes: tuple[Note, ...]


def load(environ: Mapping[str, str], config_file: str = DEFAULT_FILE) -> Loaded:
    """Read the configuration; raise ConfigError for what the server must not start with."""
    loaded, errors = examine(environ, config_file)
    if errors:
        raise errors[0]
    return loaded


def examine(
    environ: Mapping[str, str], config_file: str = DEFAULT_FILE
) -> tuple[Loaded, tuple[ConfigError, ...]]:
    """Read the configuration and return it with all that is wrong with it.

    With errors, the settings are those that would act without the wrong ones.
    """
    around = Surroundings(environ=environ, cpus=cpus.available(), exists=_exists)
    try:
        text = read_file(config_file)
    except ConfigError as error:
        loaded, errors = interpret("", config_file, around)
        return loaded, (error, *errors)
    return interpret(text, config_file, around)


def interpret(
    text: str | None, path: str, around: Surroundings
) -> tuple[Loaded, tuple[ConfigError, ...]]:
    """Make settings of the text of a file, None for no file, and the environment.  Pure."""
    errors: list[ConfigError] = []
    pairs: dict[str, str] = {}
    repeated: tuple[str, ...] = ()
    try:
        pairs, repeated = sources.file(text or "", path)
    except ConfigError as error:
        errors.append(error)
    resolved = resolution.resolve(pairs, around)
    if text is None:
        resolved.note(logging.INFO, "Ignoring absent config file", path=path)
    for name in repeated:
        resolved.note(logging.WARNING, "Set in several sections; the last one acts", setting=name)
    settings = assembly.assemble(resolved, around)
    loaded = Loaded(
        settings=settings,
        values=resolved.values,
        origins=resolved.origins,
        notes=tuple(resolved.notes),
    )
    return loaded, (*errors, *resolved.errors)


def read_file(path: str) -> str | None:
    """Return the text of a configuration file, None if there is none; raise ConfigError."""
    try:
        return Path(path).read_bytes().decode("utf-8", errors="surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError("--config-file", path, f"it cannot be read: {error.strerror}") from error


def _exists(path: str) -> bool:
    """Say whether a path leads to anything; a path that cannot be followed does not."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False
