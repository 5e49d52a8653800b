"""When frames leave."""

from hypothesis import given, strategies as st

from typha.watcher.pacing import FEWEST, MOST, Pacer


def test_the_first_update_after_an_idle_moment_leaves_at_once():
    """Nobody waits for a batch that is not there."""
    pacer = Pacer(0.05)
    assert pacer.next_at(0.003) <= 0.0
    pacer.published(10.0, 1)
    assert pacer.next_at(0.003) < 10.05


@given(st.floats(0, 1), st.integers(0, 5000), st.floats(0, 1))
def test_spacing_grows_with_the_fan_out_and_the_last_frame_up_to_the_cap(fan_out, kvs, cap):
    """Busy servers send fewer, fuller frames."""
    pacer = Pacer(cap)
    pacer.published(100.0, kvs)
    spacing = pacer.next_at(fan_out) - 100.0
    assert spacing <= cap + 1e-9
    assert spacing <= fan_out * MOST + 1e-9
    assert spacing >= min(cap, fan_out * FEWEST) - 1e-9


def test_the_fuller_the_last_frame_the_longer_the_next_one_waits():
    """Within bounds: so much is collected meanwhile as made the last one worth its while."""
    pacer = Pacer(1.0)
    spacings = []
    for count in (FEWEST - 1, FEWEST, MOST, MOST + 1):
        pacer.published(0.0, count)
        spacings.append(pacer.next_at(0.001))
    assert spacings[0] == spacings[1] < spacings[2] == spacings[3]
