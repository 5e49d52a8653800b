"""docs/reliability.md names tests: they are there, one at least for each class of bugs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "reliability.md"
ROW = re.compile(r"(?m)^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
CLASSES = 44

ROWS = ROW.findall(DOCUMENT.read_text())


def test_every_class_has_its_row():
    """In order, none left out."""
    assert [int(number) for number, *_ in ROWS] == list(range(1, CLASSES + 1))


@pytest.mark.parametrize(("name", "tests"), [(row[1], row[2]) for row in ROWS])
def test_the_tests_of_a_class_exist(name, tests):
    """By file and name."""
    found = TEST.findall(tests)
    assert found, name
    assert len(found) == tests.count("::")
    for file, test in found:
        text = (ROOT / file).read_text()
        assert re.search(rf"(?m)^(def {test}\(|class {test}\b)", text), f"{file}::{test}"


def test_tests_named_anywhere_else_exist_too():
    """In the text as in the table."""
    for file in re.findall(r"`(tests/[\w/.]+)`", DOCUMENT.read_text()):
        assert (ROOT / file).exists(), file
