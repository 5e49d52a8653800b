"""How many bytes of snapshots may leave."""

import pytest
from hypothesis import given, strategies as st

from workers.egress import DEPTH_SECONDS, PIECE_BYTES, UNLIMITED, Egress

MIB = 1 << 20


def test_no_rate_is_no_limit():
    """However much is taken."""
    assert UNLIMITED.take(1 << 40)
    assert not UNLIMITED.is_limited
    assert not UNLIMITED.is_empty
    assert UNLIMITED.empty_for() == 0.0


def test_what_is_owed_has_to_be_earned_first():
    """The last piece may be larger than what is left."""
    egress = Egress(3 * MIB)
    egress.fill(0.0, 1)
    assert not egress.is_empty
    while egress.take(PIECE_BYTES):
        pass
    wait = egress.empty_for()
    assert wait > 0.0
    egress.fill(wait * 0.9, 1)
    assert egress.is_empty
    egress.fill(wait * 1.1, 1)
    assert not egress.is_empty
    assert egress.take(1)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers_that_send_at_the_same_time_share(workers):
    """The rate is the server's; one that sends alone has all of it."""
    egresses = [Egress(10 * MIB) for _ in range(workers)]
    taken = 0
    for tenth in range(100):
        for egress in egresses:
            egress.fill(tenth / 10, sharers=workers)
            while egress.take(PIECE_BYTES):
                taken += PIECE_BYTES
    assert 0.9 * 100 * MIB < taken < 1.1 * 100 * MIB


@given(
    st.integers(PIECE_BYTES, 100 * MIB),
    st.lists(st.tuples(st.floats(0.0, 2.0), st.integers(1, 4)), min_size=1, max_size=40),
)
def test_no_more_leaves_than_the_rate_allows(rate, story):
    """Whatever the pauses: what was saved up, the rate, and one piece more."""
    egress = Egress(rate)
    now, taken = 0.0, 0
    for pause, sharers in story:
        now += pause
        egress.fill(now, sharers)
        while egress.take(PIECE_BYTES):
            taken += PIECE_BYTES
    most = max(rate * DEPTH_SECONDS, PIECE_BYTES)
    assert taken <= most + now * rate + PIECE_BYTES + 1
