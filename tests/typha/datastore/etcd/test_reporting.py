"""What is told about each stream, and how often."""

from typha.datastore.etcd import kinds
from typha.datastore.etcd.reporting import REPORT_SECONDS, Reporting
from typha.datastore.ports import StreamReport, StreamState

TIERS = kinds.KINDS["tiers.projectcalico.org"]
POOLS = kinds.KINDS["ippools.projectcalico.org"]


def test_a_life_is_told_from_its_first_list():
    """Listing, watching, failing, watching again: each turn once."""
    reporting = Reporting()
    [listing] = reporting.listing(TIERS, 1.0)
    assert (listing.state, listing.relists, listing.alive_at) == (StreamState.LISTING, 0, 0.0)
    [watching] = reporting.alive(TIERS, 7, 1.1)
    assert watching == StreamReport(
        resource=TIERS.resource, state=StreamState.WATCHING, revision="7", alive_at=1.1
    )
    [failing] = reporting.trouble([TIERS], StreamState.FAILING, "gone", 1.2)
    assert (failing.state, failing.error) == (StreamState.FAILING, "gone")
    assert failing.alive_at == failing.failing_since == 1.1
    [back] = reporting.alive(TIERS, 8, 1.3)
    assert (back.state, back.error, back.revision) == (StreamState.WATCHING, "", "8")
    [refused] = reporting.trouble([TIERS], StreamState.FORBIDDEN, "no", 9.0)
    assert refused.failing_since == 0.0  # since it is noticed


def test_lists_after_the_first_are_counted():
    """A list that did not come to its end is not one."""
    reporting = Reporting()
    reporting.listing(TIERS, 1.0)
    [again] = reporting.listing(TIERS, 9.0)
    assert again.relists == 0
    reporting.alive(TIERS, 7, 10.0)
    [relisting] = reporting.listing(TIERS, 11.0)
    assert relisting.relists == 1
    [done] = reporting.alive(TIERS, 9, 11.5)
    assert done.relists == 1


def test_the_same_is_told_once_in_a_while():
    """Events come faster than anybody wants to know of them."""
    reporting = Reporting()
    told = [reporting.alive(TIERS, n, n * REPORT_SECONDS / 4) for n in range(13)]
    assert [bool(reports) for reports in told] == [n % 4 == 0 for n in range(13)]
    assert told[12][0].revision == "12"


def test_trouble_is_told_of_each_kind():
    """Another error is news, the same one is not."""
    reporting = Reporting()
    both = reporting.trouble([TIERS, POOLS], StreamState.FAILING, "gone", 1.0)
    assert [report.resource for report in both] == [TIERS.resource, POOLS.resource]
    assert reporting.trouble([TIERS, POOLS], StreamState.FAILING, "gone", 1.1) == []
    assert len(reporting.trouble([TIERS], StreamState.FORBIDDEN, "gone", 1.2)) == 1
    assert len(reporting.trouble([TIERS], StreamState.FORBIDDEN, "still", 1.3)) == 1
