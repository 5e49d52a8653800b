"""What Prometheus reads, read by its own parser."""

import gzip
import math

import pytest
from hypothesis import given, strategies as st
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from typha.ops import exposition
from typha.ops.httpd import Request
from typha.ops.ledger import Ledger, Sender
from typha.scoreboard import Scoreboard
from typha.telemetry import families
from typha.telemetry.figures import Figures

NOW = 6000.0


@pytest.fixture
def ledger() -> Ledger:
    """Return the figures of two workers and a watcher."""
    made = Ledger()
    for pid, accepted in [(1, 5), (2, 7)]:
        figures = Figures()
        figures.turn(NOW)
        figures.set_counter("typha_connections_accepted", "", accepted)
        figures.set_gauge("typha_connections_streaming", "felix", accepted - 1)
        figures.add("typha_connections_closed_total", "client-left", 2)
        figures.summary("typha_ping_latency", "felix").observe(0.1 * pid, weight=50)
        made.take(Sender(f"worker-{pid - 1}", pid), figures)
    figures = Figures()
    figures.set_gauge("typha_invalid_objects", 'we"ird\\\n', 1)
    made.take(Sender("watcher", 3), figures)
    return made


def scraped(ledger: Ledger) -> str:
    """Return the text of a scrape."""
    collector = exposition.FiguresCollector(ledger, Scoreboard(workers=2), lambda: NOW)
    return exposition.render(exposition.registry([collector]).collect()).decode()


def values(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return all samples by name and labels; the parser adds an ending that we take off again."""
    names = {line.partition(" ")[0].partition("{")[0] for line in text.splitlines()}
    return {
        (
            sample.name if sample.name in names else sample.name.removesuffix("_total"),
            tuple(sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counters_keep_their_exact_names(ledger):
    """The library would have added an ending."""
    lines = scraped(ledger).splitlines()
    assert "# TYPE typha_connections_accepted counter" in lines
    assert "typha_connections_accepted 12.0" in lines
    assert "# TYPE typha_updates_total counter" in lines
    assert 'typha_updates_total{syncer="bgp"} 0.0' in lines
    assert not [line for line in lines if "typha_connections_accepted_total" in line]


def test_every_family_has_its_type_and_all_label_values_from_the_start():
    """Nothing has been counted yet."""
    text = scraped(Ledger())
    found = values(text)
    for family in families.ALL:
        assert f"# TYPE {family.name} {family.kind}" in text
        for label in family.known:
            labels = ((family.label, label),) if family.label else ()
            if family.kind is families.Kind.SUMMARY:
                assert found[f"{family.name}_count", labels] == 0
                quantiles = [
                    found[family.name, tuple(sorted([*labels, ("quantile", str(share))]))]
                    for share in families.QUANTILES
                ]
                assert all(math.isnan(value) for value in quantiles)
            else:
                assert found[family.name, labels] == 0


def test_summaries_have_the_originals_quantiles_over_all_workers(ledger):
    """Merged from buckets, not averaged."""
    found = values(scraped(ledger))
    name = "typha_ping_latency"
    by_share = {
        share: found[name, (("quantile", str(share)), ("syncer", "felix"))]
        for share in families.QUANTILES
    }
    assert by_share == {
        0.5: pytest.approx(0.1, rel=0.01),
        0.9: pytest.approx(0.2, rel=0.01),
        0.99: pytest.approx(0.2, rel=0.01),
    }
    assert found[f"{name}_count", (("syncer", "felix"),)] == 100
    assert found[f"{name}_sum", (("syncer", "felix"),)] == pytest.approx(15.0)


@given(st.lists(st.integers(0, 99), min_size=1))
def test_quantiles_of_whole_numbers_are_numbers_that_were_seen(sizes):
    """Three key-values in a message are 3, not 3.02."""
    figures = Figures()
    figures.turn(NOW)
    for size in sizes:
        figures.summary("typha_kvs_per_msg", "felix").observe(size)
    ledger = Ledger()
    ledger.take(Sender("worker-0", 1), figures)
    found = values(scraped(ledger))
    for share in families.QUANTILES:
        labels = (("quantile", str(share)), ("syncer", "felix"))
        assert found["typha_kvs_per_msg", labels] in sizes


def test_each_worker_has_series_of_its_own(ledger):
    """Under names of their own, so that sums over the server's families stay right."""
    found = values(scraped(ledger))
    assert found["typha_worker_connections_accepted_total", (("worker", "0"),)] == 5
    assert found["typha_worker_connections_accepted_total", (("worker", "1"),)] == 7
    streaming = "typha_worker_connections_streaming"
    assert found[streaming, (("syncer", "felix"), ("worker", "1"))] == 6
    assert found["typha_worker_ping_latency_count", (("syncer", "felix"), ("worker", "0"))] == 50


def test_labels_that_others_chose_are_escaped(ledger):
    """Quotes, backslashes and ends of line."""
    assert values(scraped(ledger))["typha_invalid_objects", (("resource", 'we"ird\\\n'),)] == 1


def test_no_line_appears_twice(ledger):
    """Prometheus refuses a scrape with duplicates."""
    lines = scraped(ledger).splitlines()
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (0, "0.0"),
        (1e21, "1e+21"),
        (12345678, "1.2345678e+07"),
    ],
)
def test_numbers_are_written_as_go_writes_them(value, text):
    """So that a comparison of two scrapes shows no false differences."""
    metric = Metric("x", "help", "gauge")
    metric.add_sample("x", {}, value)
    assert exposition.render([metric]).decode().splitlines()[-1] == f"x {text}"


@pytest.mark.parametrize("takes_gzip", [True, False])
def test_a_scrape_is_compressed_if_asked(ledger, takes_gzip):
    """And has the original's content type."""
    collector = exposition.FiguresCollector(ledger, Scoreboard(workers=2), lambda: NOW)
    respond = exposition.respond_from(exposition.registry([collector]))
    answer = respond(Request("/metrics", takes_gzip))
    body = gzip.decompress(answer.body) if answer.is_gzip else answer.body
    assert answer.is_gzip == takes_gzip
    assert body.decode() == scraped(ledger)
    assert answer.kind == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
