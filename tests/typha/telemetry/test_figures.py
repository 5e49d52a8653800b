"""What a process counts reaches ops whole."""

import pytest

from typha.telemetry.figures import Figures


def test_everything_survives_the_journey():
    """Counters, gauges and sketches."""
    figures = Figures()
    figures.turn(5000.0)
    figures.set_counter("typha_connections_accepted", "", 12)
    figures.add("typha_connections_closed_total", "client-left")
    figures.add("typha_connections_closed_total", "client-left", 2)
    figures.set_gauge("typha_connections_streaming", "bgp", 3)
    figures.summary("typha_ping_latency", "felix").observe(0.25, weight=4)
    copy = Figures.from_bytes(figures.to_bytes())
    assert copy.counters == {
        "typha_connections_accepted": {"": 12},
        "typha_connections_closed_total": {"client-left": 3},
    }
    assert copy.gauges == {"typha_connections_streaming": {"bgp": 3}}
    assert copy.summaries["typha_ping_latency"]["felix"].count == 4
    assert copy.to_bytes() == figures.to_bytes()


def test_a_gauge_whose_label_is_gone_vanishes():
    """A mended object is no longer in the list of invalid ones."""
    figures = Figures()
    figures.set_gauges("typha_invalid_objects", {"pods": 1, "nodes": 2})
    figures.set_gauges("typha_invalid_objects", {"nodes": 1})
    assert figures.gauges["typha_invalid_objects"] == {"nodes": 1}


def test_a_sketch_is_the_same_for_the_life_of_the_process():
    """Hot loops keep it; ages turn under it."""
    figures = Figures()
    figures.turn(1000.0)
    sketch = figures.summary("typha_kvs_per_msg", "felix")
    sketch.observe(7)
    figures.turn(1000.0 + 600)
    assert figures.summary("typha_kvs_per_msg", "felix") is sketch
    sketch.observe(9)
    assert sketch.count == 2
    (found,) = sketch.quantiles([0.5], age=(1600 // 120))
    assert found == pytest.approx(9, rel=0.01)


def test_each_family_has_its_own_length_of_age():
    """Client latency looks one minute back, all others ten."""
    figures = Figures()
    figures.turn(0.0)
    latency = figures.summary("typha_client_latency_secs", "felix")
    ping = figures.summary("typha_ping_latency", "felix")
    latency.observe(1.0)
    ping.observe(1.0)
    figures.turn(90.0)
    assert (list(latency.ages), list(ping.ages)) == ([3], [0])


def test_counting_what_is_not_in_the_table_is_a_mistake():
    """A misspelt name would otherwise never be seen."""
    with pytest.raises(KeyError):
        Figures().add("typha_connections_acepted")


def test_counting_under_the_wrong_kind_is_a_mistake():
    """A gauge does not count."""
    with pytest.raises(AssertionError):
        Figures().add("typha_connections_active")


def test_a_family_of_another_version_is_left_out():
    """Figures in a run directory may be older than the program."""
    data = b'{"counters": {"typha_unheard_of": {"": 1}}, "gauges": {}, "summaries": {}}'
    assert Figures.from_bytes(data).counters == {}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"counters": 1}', b"\xff", b"7"])
def test_bytes_that_are_no_figures_are_refused(data):
    """With one error."""
    with pytest.raises(ValueError):  # noqa: PT011 any is meant
        Figures.from_bytes(data)
