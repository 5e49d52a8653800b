"""Alerts and dashboard ask for what the server exposes."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.building import DEPLOY
from typha.ops import census, exposition
from typha.ops.ledger import Ledger
from typha.scoreboard import Scoreboard
from typha.telemetry import families

MONITORING = DEPLOY / "monitoring"
RUNBOOK = DEPLOY.parent / "docs" / "operate.md"
RULES = yaml.safe_load((MONITORING / "typha.rules.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((MONITORING / "typha.dashboard.json").read_text())

# Labels that Prometheus adds, and those of samples that appear only when something has happened.
ADDED = {"job", "instance", "le"}
NOT_OURS = {"up", "ALERTS"}


@pytest.fixture(scope="module")
def exposed() -> dict[str, set[str]]:
    """Return every sample's name that a server exposes, with its labels."""
    board, ledger = Scoreboard(workers=1), Ledger()
    collectors = [
        exposition.FiguresCollector(ledger, board, time.monotonic),
        census.ServerCollector(board, time.monotonic, lambda: True),
        census.TreeCollector(board),
    ]
    board.server.parent_pid = 1
    found: dict[str, set[str]] = {}
    for collector in collectors:
        for metric in collector.collect():
            found.setdefault(metric.name, set())
            for sample in metric.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    for family in families.ALL:
        found[family.name] |= {family.label} - {""}
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Yield every expression of rules and dashboard, with where it stands."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for each in DASHBOARD["annotations"]["list"]:
        yield each["name"], each["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"]


def series(expression: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the series that an expression selects, with the labels it selects by."""
    for match in re.finditer(r"\b((?:typha|process)_\w+|up)\b(?:\{([^}]*)\})?", expression):
        name, selector = match.groups()
        yield name, re.findall(r"(\w+)(?:=~|!~|!=|=)", selector or "")


@pytest.mark.parametrize(("place", "expression"), list(expressions()))
def test_every_series_asked_for_is_exposed(place, expression, exposed):
    """Under its name, with the labels it is selected by."""
    found = list(series(expression))
    assert found, place
    for name, labels in found:
        if name in NOT_OURS:
            continue
        assert name in exposed, f"{place}: {name}"
        assert set(labels) <= exposed[name] | ADDED, f"{place}: {name} {labels}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_severity_and_a_runbook(rule):
    """And the runbook has it as a heading."""
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    anchor = rule["alert"].lower()
    assert rule["annotations"]["runbook"] == f"docs/operate.md#{anchor}"
    assert f"\n### {rule['alert']}\n" in RUNBOOK.read_text()


def test_the_runbook_has_no_alert_that_is_gone():
    """What is not raised needs no remedy."""
    described = set(re.findall(r"(?m)^### (Typha\w+)$", RUNBOOK.read_text()))
    assert described == {rule["alert"] for rule in RULES}


def test_the_dashboard_shows_all_that_one_is_told_to_look_at():
    """The table of docs/operate.md says what tells what."""
    _, _, rows = RUNBOOK.read_text().partition("\n| to see | look at |\n")
    table, _, _ = rows.partition("\n\n")
    told = set(re.findall(r"`(typha_\w+)`", table))
    assert "typha_convergence_seconds" in told
    targets = [target for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    assert told <= {name for target in targets for name, _ in series(target["expr"])}


def test_the_dashboard_s_panels_do_not_overlap():
    """Each has its place and its number."""
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))


def promtool(*arguments: str | Path) -> Any:
    """Run Prometheus' own tool; skip the test where it is not installed."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    return subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_prometheus_reads_the_rules():
    """As its own tool judges."""
    done = promtool("check", "rules", MONITORING / "typha.rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_fire_when_they_should():
    """The cases stand beside the rules."""
    done = promtool("test", "rules", MONITORING / "typha.rules.test.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_the_dashboard_s_expressions(tmp_path):
    """Put into rules, with the dashboard's variables filled in."""
    filled = [
        expression.replace("$__rate_interval", "5m")
        for panel in DASHBOARD["panels"]
        for expression in [target["expr"] for target in panel.get("targets", ())]
    ]
    rules = [{"record": f"x:{n}", "expr": expression} for n, expression in enumerate(filled)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "x", "rules": rules}]}))
    done = promtool("check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr
