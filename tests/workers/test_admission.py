"""Who may come in before anything is known of them."""

from hypothesis import given, strategies as st

from workers.admission import Admission


def test_one_address_cannot_take_all_the_room():
    """Others still come in."""
    admission = Admission(10, 2)
    assert admission.enter("a")
    assert admission.enter("a")
    assert not admission.enter("a")
    assert admission.enter("b")
    admission.prove("a")
    assert admission.enter("a")


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(1, 9), st.integers(0, 4))
def test_the_limits_hold_whatever_comes_and_goes(addresses, most, each):
    """Nobody is counted twice, and nobody is forgotten."""
    admission = Admission(most, each)
    inside = []
    for address in addresses:
        if admission.has_room() and admission.enter(address):
            inside.append(address)
        elif inside:
            admission.prove(inside.pop(0))
        assert len(inside) <= most
        assert all(not each or inside.count(a) <= each for a in "abc")
    for address in inside:
        admission.prove(address)
    assert all(admission.enter("a") for _ in range(each or 1))
