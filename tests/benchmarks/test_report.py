"""Figures, goals and pictures made of them."""

import json
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

from benchmarks import goals, plot, report
from benchmarks.report import Outcome, Row

ISSUED = (
    "scenario clients workers kvs rate cpu_s cpu_us_per_kv_client floor_us_per_kv_client "
    "ratio_to_floor p50_ms p90_ms p99_ms max_ms pss_mib wall_s wrong missing"
)


def row(**given: object) -> Row:
    """Make a row of a small run."""
    return Row(**{"scenario": "churn", "clients": 6, "workers": 2, "kvs": 10, **given})


def test_a_line_of_json_has_the_promised_fields_and_no_others() -> None:
    """Whoever reads the results relies on the names and their order."""
    assert list(json.loads(row(cpu_s=1.23456).line())) == ISSUED.split()
    assert json.loads(row(cpu_s=1.23456).line())["cpu_s"] == 1.235


def test_percentiles_are_read_off_the_distribution() -> None:
    """Of 100 KVs the 99th is p99; a bucket is 50 microseconds."""
    found = report.percentiles(Counter({20: 50, 100: 49, 4000: 1}))
    assert found == {"p50_ms": 1.0, "p90_ms": 5.0, "p99_ms": 5.0, "max_ms": 200.0}
    assert set(report.percentiles(Counter()).values()) == {None}


def test_the_table_shows_every_figure_but_the_workers() -> None:
    """One line a row under one line of headings; what there is not is a dash."""
    heading, line = report.table([row(p50_ms=1.5)]).splitlines()
    assert heading.split()[:2] == ["scenario", "clients"]
    assert "1.5" in line.split()
    assert line.split().count("-") == 10


def test_goals_are_judged_by_the_rows_that_were_run() -> None:
    """Reached, missed, or not run."""
    rows = goals.Rows()
    fast = {"cpu_us_per_kv_client": 0.5, "p50_ms": 31.0, "p99_ms": 50.0}
    rows.add("10k", "churn@1000", row(**fast))
    rows.add("10k", "stuck@1000", row(p99_ms=54.0, missing=2))
    verdicts = {goal.what: goal.verdict(rows) for goal in goals.GOALS}
    assert verdicts["churn 1000/s, us per KV and client"] == ("0.5", "reached")
    assert verdicts["churn 1000/s, p50 ms"] == ("31.0", "missed")
    assert verdicts["storm of 600, 100k KVs, CPU s"] == ("-", "not run")
    assert verdicts["one stuck client: others' p99, times that without"] == ("1.08", "reached")
    assert verdicts["missing at any client"] == ("2.0", "missed")
    assert len(goals.table(rows).splitlines()) == len(goals.GOALS) + 1


def test_another_servers_figure_stands_beside_ours_and_how_they_compare() -> None:
    """Whatever the machine is worth, it is the same for both."""
    ours, its = goals.Rows(), goals.Rows()
    ours.add("10k", "churn@1000", row(cpu_us_per_kv_client=0.5))
    its.add("10k", "churn@1000", row(cpu_us_per_kv_client=2.0, p50_ms=60.0))
    heading, cost, p50, *_ = goals.table(ours, its).splitlines()
    assert heading.split()[-3:] == ["beside", "times", "it"]
    assert cost.split()[-3:] == ["reached", "2.0", "0.25"]
    assert p50.split()[-2:] == ["60.0", "-"]


def test_every_leg_of_the_suite_runs_scenarios_that_exist() -> None:
    """A goal can only be judged by a row that some leg makes."""
    from benchmarks import scenarios  # noqa: PLC0415 imports what runs servers

    names = {name.partition("@")[0] for leg in goals.LEGS for name in leg.scenarios}
    assert names <= set(scenarios.SCENARIOS)


def test_the_picture_is_well_formed_and_names_every_process(tmp_path: Path) -> None:
    """A line for each distribution, a bar for each process."""
    latency = Counter({3: 90, 40: 9, 900: 1})
    cpu = {"typha: parent 1": 0.1, "<worker> 2": 1.9}
    path = tmp_path / "plot.svg"
    plot.write(path, [Outcome(row=row(rate=100.0), latency=latency, cpu_by_process=cpu)])
    root = ET.parse(path).getroot()
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"typha: parent 1", "<worker> 2", "churn 100/s, 6 clients"} <= set(texts)
    assert sum(element.tag.endswith("polyline") for element in root.iter()) == 1
