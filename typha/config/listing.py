"""The settings as they act, for `typha config`: name, value, where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

from typha.config import parameters, redaction, variables
from typha.config.loading import Loaded
from typha.config.parsing import Value
from typha.config.resolution import Origin, Source


@dataclass(frozen=True, slots=True)
class Row:
    """One setting; `value` is fit to be printed, `written` is what it was set to, if anything."""

    name: str
    value: Value
    source: str
    written: str


def rows(loaded: Loaded, environ: Mapping[str, str], config_file: str) -> list[Row]:
    """Return every setting in the order of the table, then Calico's variables that are set."""
    own = [
        Row(
            parameter.name,
            _shown(parameter.name, loaded.values[parameter.name]),
            _source(parameter, loaded.origins[parameter.name], config_file),
            redaction.shown(parameter.name, loaded.origins[parameter.name].text),
        )
        for parameter in parameters.PARAMETERS
    ]
    spelt = [f"CALICO_{name}" for name in variables.VARIABLES]
    names = [*variables.VARIABLES, *spelt, *variables.EXACT_VARIABLES]
    set_ = {name: redaction.shown(name, environ[name]) for name in names if name in environ}
    return own + [Row(name, shown, "environment", shown) for name, shown in set_.items()]


def _shown(name: str, value: Value) -> Value:
    return redaction.shown(name, value) if isinstance(value, str) else value


def _source(parameter: parameters.Parameter, origin: Origin, config_file: str) -> str:
    """Say in words where a value was written."""
    places = {
        Source.ENVIRONMENT: f"environment {parameter.variable}",
        Source.FILE: config_file,
        Source.DEFAULT: "default",
    }
    return places[origin.source]
