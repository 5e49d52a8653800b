"""Sums over processes, dead ones included."""

from hypothesis import given, strategies as st

from typha.ops.ledger import Ledger, Sender
from typha.telemetry.figures import Figures

ACCEPTED = "typha_connections_accepted"


def counted(accepted: float, *, active: float = 0.0, ping: float | None = None) -> Figures:
    """Return the figures of a worker."""
    figures = Figures()
    figures.set_counter(ACCEPTED, "", accepted)
    figures.set_gauge("typha_connections_active", "", active)
    if ping is not None:
        figures.summary("typha_ping_latency", "felix").observe(ping)
    return figures


def test_counters_and_gauges_of_all_workers_add_up():
    """The server is one, however many processes it has."""
    ledger = Ledger()
    ledger.take(Sender("worker-0", 1), counted(5, active=2))
    ledger.take(Sender("worker-1", 2), counted(7, active=3))
    whole = ledger.whole()
    assert whole.counters[ACCEPTED] == {"": 12}
    assert whole.gauges["typha_connections_active"] == {"": 5}


def test_a_dead_worker_leaves_its_counts_and_takes_its_gauges_along():
    """Nothing goes backwards, and nobody is connected to the dead."""
    ledger = Ledger()
    first = Sender("worker-0", 1)
    ledger.take(first, counted(5, active=2, ping=0.5))
    assert list(ledger.retire(living=[Sender("worker-0", 9)])) == [first]
    ledger.take(Sender("worker-0", 9), counted(1, active=1, ping=0.5))
    whole = ledger.whole()
    assert whole.counters[ACCEPTED] == {"": 6}
    assert whole.gauges["typha_connections_active"] == {"": 1}
    assert whole.summaries["typha_ping_latency"]["felix"].count == 2
    assert ledger.of_post("worker-0").counters[ACCEPTED] == {"": 6}
    assert ledger.of_post("worker-1").counters == {}


def test_figures_of_the_dead_that_come_late_are_not_counted_twice():
    """They were in the socket's queue."""
    ledger = Ledger()
    ledger.take(Sender("worker-0", 1), counted(5))
    ledger.retire(living=[])
    ledger.take(Sender("worker-0", 1), counted(6))
    assert ledger.whole().counters[ACCEPTED] == {"": 5}


def test_some_gauges_are_not_sums():
    """The next certificate to expire is the earliest; the fullest queue the greatest."""
    ledger = Ledger()
    for pid, expiry, queued in [(1, 300.0, 10), (2, 200.0, 30)]:
        figures = Figures()
        figures.set_gauge("typha_cert_not_after_timestamp_seconds", "server", expiry)
        figures.set_gauge("typha_queued_bytes_highest", "", queued)
        ledger.take(Sender(f"worker-{pid}", pid), figures)
    gauges = ledger.whole().gauges
    assert gauges["typha_cert_not_after_timestamp_seconds"] == {"server": 200.0}
    assert gauges["typha_queued_bytes_highest"] == {"": 30}


# What may happen to one of two posts: it counts a few more, or is replaced.
steps = st.lists(st.tuples(st.sampled_from(["worker-0", "worker-1"]), st.integers(-1, 5)))


@given(steps, st.booleans())
def test_the_sum_is_all_that_was_ever_counted(happenings, unread):
    """Whoever dies and whenever: never less than before."""
    ledger = Ledger()
    pids = {"worker-0": 1, "worker-1": 2}
    counts = {"worker-0": 0, "worker-1": 0}
    ever = 0
    for name, more in happenings:
        if more < 0:
            pids[name] += 2
            counts[name] = 0
            ledger.retire(Sender(*item) for item in pids.items())
        else:
            counts[name] += more
            ever += more
            sender, figures = Sender(name, pids[name]), counted(counts[name])
            if unread:
                ledger.take_unread(sender, figures.to_bytes())
            else:
                ledger.take(sender, figures)
        assert ledger.whole().counters.get(ACCEPTED, {"": 0}) == {"": ever}


def test_bytes_that_are_no_figures_change_nothing(caplog):
    """Only a process of another version could send them."""
    ledger = Ledger()
    ledger.take(Sender("worker-0", 1), counted(3))
    ledger.take_unread(Sender("worker-0", 1), b"[]")
    assert ledger.whole().counters[ACCEPTED] == {"": 3}
    assert "figures ignored" in caplog.text
