"""What the documents point at is there: links, headings, settings, metrics, commands."""

import re
from pathlib import Path

import pytest

from typha import commands
from typha.config import parameters
from typha.telemetry import families
from typha.telemetry.closing import CloseReason

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    document
    for place in ("*.md", "docs/*.md", "benchmarks/results/*.md", "tests/data/*.md")
    for document in ROOT.glob(place)
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"(?m)^#+ +(.+)$")
CENSUS = (ROOT / "typha" / "ops" / "census.py").read_text()

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def anchors(document: Path) -> set[str]:
    """Return what a document's headings can be reached by, as repository hosts make them."""
    headings = HEADING.findall(document.read_text())
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@each_document
def test_links_lead_somewhere(document):
    """Files are there, and have the heading."""
    for target in LINK.findall(document.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name).resolve() if name else document
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


@each_document
def test_settings_that_are_named_exist(document):
    """Whoever sets what a document names is heard."""
    for name in re.findall(r"\bTYPHA_([A-Z0-9]+)\b", document.read_text()):
        if name != "EARLYLOGSEVERITYSCREEN":  # acts before settings are read, so is none of them
            assert name.lower() in parameters.BY_FOLDED_NAME, name


@each_document
def test_metrics_that_are_named_are_exposed(document):
    """By the table, or counted by ops itself."""
    known = {family.name for family in families.ALL}
    known |= {family.name.replace("typha_", "typha_worker_", 1) for family in families.ALL}
    for name in re.findall(r"`(typha_\w+)`", document.read_text()):
        if name == "typha_service_name" or name.endswith("_"):  # a key of calico-config; "typha_…"
            continue
        assert name in known or f'"{name}"' in CENSUS, name


@each_document
def test_commands_that_are_named_exist(document):
    """In running text and in blocks that are to be typed."""
    text = document.read_text()
    known = {name for section in commands.SECTIONS.values() for name in section}
    for name in re.findall(r"(?:`|^ {4}|-- )(?:\.venv/bin/)?typha ([a-z]+)\b", text, re.MULTILINE):
        assert name in known, name


def test_every_way_a_connection_can_end_is_explained():
    """Where people look for it."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert [reason for reason in CloseReason if f"`{reason}`" not in text] == []
