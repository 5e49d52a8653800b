"""From what was written to the values that act: precedence, `none`, zeros, invalid values.

Pure: the sources come in as mappings, and whether a file exists is asked of an argument.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from typha.config import parameters, parsing, redaction, sources
from typha.config.errors import ConfigError
from typha.config.parameters import Parameter
from typha.config.parsing import Value

T = TypeVar("T")


class Source(StrEnum):
    """Where a value was written."""

    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting's value comes from, and as it was written there."""

    source: Source
    text: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell the user once logging stands; `level` is one of module logging."""

    level: int
    message: str
    fields: Mapping[str, str]


@dataclass(slots=True)
class Resolved:
    """The outcome: a value for every setting, and what is wrong.

    `refused` holds, by name, what could not be used; `errors` what forbids to start.
    """

    values: dict[str, Value] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    refused: dict[str, ConfigError] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)

    def note(self, level: int, message: str, **fields: str) -> None:
        """Remember something to log."""
        self.notes.append(Note(level, message, fields))

    def given(self, name: str) -> bool:
        """Say whether somebody set this one."""
        return self.origins[name].source is not Source.DEFAULT

    def guard(self, make: Callable[[], T], *, otherwise: T) -> T:
        """Return what is made, or what acts in its place while an error forbids to start."""
        try:
            return make()
        except ConfigError as error:
            self.errors.append(error)
            return otherwise

    def text(self, name: str) -> str:
        """Return a value that is text."""
        value = self.values[name]
        assert isinstance(value, str)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a value that is a list."""
        value = self.values[name]
        assert isinstance(value, tuple)
        return value

    def integer(self, name: str) -> int:
        """Return a value that is an integer."""
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def seconds(self, name: str) -> float:
        """Return a value that is a duration in seconds."""
        value = self.values[name]
        assert isinstance(value, float)
        return value

    def flag(self, name: str) -> bool:
        """Return a value that is a truth value."""
        value = self.values[name]
        assert isinstance(value, bool)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the settings depend on besides what is written: passed in, so that reading is pure."""

    environ: Mapping[str, str]
    cpus: int
    exists: Callable[[str], bool]


def resolve(file: Mapping[str, str], around: Surroundings) -> Resolved:
    """Give every setting its value; the environment wins over the file."""
    resolved = Resolved()
    environment = sources.environment(around.environ)
    written = {
        Source.ENVIRONMENT: _known(environment, Source.ENVIRONMENT, resolved),
        Source.FILE: _known(file, Source.FILE, resolved),
    }
    for parameter in parameters.PARAMETERS:
        origin = _origin(parameter.name, written)
        resolved.origins[parameter.name] = origin
        resolved.values[parameter.name] = _value(parameter, origin, around, resolved)
    return resolved


def _origin(name: str, written: Mapping[Source, Mapping[str, str]]) -> Origin:
    """Find the first source that sets it; they come in the order of their precedence."""
    for source, texts in written.items():
        if name in texts:
            return Origin(source, texts[name])
    return Origin(Source.DEFAULT)


def _known(texts: Mapping[str, str], source: Source, resolved: Resolved) -> dict[str, str]:
    """Return what is set, by the settings' own names; note what is empty or unknown."""
    known = {}
    for name, text in texts.items():
        parameter = parameters.BY_FOLDED_NAME.get(name.lower())
        if parameter is None:
            resolved.note(logging.INFO, "Ignoring unknown setting", setting=name, source=source)
        elif not text:
            message = "Ignoring empty setting; write none to switch a default off"
            resolved.note(logging.INFO, message, setting=parameter.name, source=source)
        else:
            known[parameter.name] = text
            value = redaction.shown(parameter.name, text)
            resolved.note(
                logging.INFO, "Found setting", setting=parameter.name, value=value, source=source
            )
    return known


def _value(
    parameter: Parameter, origin: Origin, around: Surroundings, resolved: Resolved
) -> Value:
    """Return the value that acts, noting why where it is not the one written."""
    if origin.source is Source.DEFAULT:
        return _repaired(parameter, parameter.default_value)
    if origin.text.lower() == "none" and parameter.name != "DatastoreType":
        return _repaired(parameter, parameter.kind.zero)
    try:
        value = parameter.kind.parse(origin.text)
        if isinstance(parameter.kind, parsing.File) and parameter.kind.must_exist:
            _find(origin.text, around)
        return _repaired(parameter, value)
    except ValueError:
        return _refuse(parameter, origin, resolved)


def _find(path: str, around: Surroundings) -> None:
    if not around.exists(path):
        raise ValueError(path)


def _refuse(parameter: Parameter, origin: Origin, resolved: Resolved) -> Value:
    """Take the default in place of an invalid value, or none at all where that is too much."""
    setting = parameter.variable if origin.source is Source.ENVIRONMENT else parameter.name
    error = ConfigError(setting, origin.text, f"expected {parameter.kind.accepts}")
    default = _repaired(parameter, parameter.default_value)
    resolved.refused[parameter.name] = error
    if parameter.fatal:
        resolved.errors.append(error)
        return default
    resolved.note(
        logging.WARNING,
        "Replacing invalid value with default",
        setting=parameter.name,
        value=redaction.shown(parameter.name, origin.text),
        accepted=parameter.kind.accepts,
        default=str(default),
        source=origin.source,
    )
    return default


def _repaired(parameter: Parameter, value: Value) -> Value:
    """Return what acts in place of a zero, where a zero cannot act itself."""
    if parameter.zero is None:
        return value
    if value == parameter.kind.zero or (isinstance(value, float) and value < 0):
        return parameter.kind.parse(parameter.zero)
    return value
