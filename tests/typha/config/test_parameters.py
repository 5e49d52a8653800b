"""The table of the settings itself."""

import ast
import dataclasses
from pathlib import Path

import pytest

from typha.config import parameters, settings

ROOT = Path(__file__).parents[3]


def attributes():
    """Return every attribute that the server reads, with what it is read of."""
    found = set()
    for path in [*(ROOT / "typha").rglob("*.py"), *(ROOT / "workers").rglob("*.py")]:
        of = path.relative_to(ROOT).parts
        if of[1] == "config" or of[1:3] == ("commands", "checks"):
            continue  # they read settings to show them
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                name = ast.unparse(node)
                found |= {node.attr, ".".join(name.split(".")[-2:])}
    return found


def test_every_setting_acts():
    """What is read and checked is used by something that is no check."""
    parts = [part for part in vars(settings).values() if dataclasses.is_dataclass(part)]
    fields = {field.name for part in parts for field in dataclasses.fields(part)}
    assert fields - attributes() == set()


@pytest.mark.parametrize("parameter", parameters.PARAMETERS, ids=lambda each: each.name)
def test_a_setting_keeps_to_its_form(parameter):
    """Its default and its zero are values of its kind; its meaning is a sentence."""
    assert parameter.variable == f"TYPHA_{parameter.name.upper()}"
    assert type(parameter.default_value) is type(parameter.kind.zero)
    if parameter.zero is not None:
        assert parameter.kind.parse(parameter.zero) != parameter.kind.zero
    assert parameter.meaning[0].isupper()
    assert parameter.meaning.endswith(".")


def test_each_setting_is_one_line():
    """Which is what makes the table a table."""
    source = ROOT / "typha" / "config" / "parameters.py"
    rows = [
        node
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"P", "_timer"}
    ]
    assert len(rows) == len(parameters.PARAMETERS)
    assert all(row.lineno == row.end_lineno for row in rows)
