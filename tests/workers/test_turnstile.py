"""Who is sent a snapshot now, and who waits."""

from hypothesis import given, strategies as st

from workers.turnstile import Elsewhere, Turnstile

ALONE = Elsewhere()


def test_without_limits_nobody_waits():
    """The default."""
    turnstile = Turnstile(0, has_rate=False)
    for client in "abc":
        turnstile.arrive(client, 1.0)
    assert turnstile.let_through(ALONE) == ["a", "b", "c"]
    assert turnstile.waiting == 0


def test_who_came_first_is_first():
    """One goes, one comes."""
    turnstile = Turnstile(2, has_rate=False)
    for moment, client in enumerate("abcd", 1):
        turnstile.arrive(client, float(moment))
    assert turnstile.let_through(ALONE) == ["a", "b"]
    assert turnstile.waiting_since == 3.0
    assert turnstile.let_through(ALONE) == []
    turnstile.leave("b")
    assert turnstile.let_through(ALONE) == ["c"]
    turnstile.leave("d")  # gives up waiting
    turnstile.leave("a")
    assert turnstile.let_through(ALONE) == []
    assert turnstile.waiting_since == 0.0


def test_the_limit_is_the_server_s():
    """What others send counts, and who has waited longer elsewhere goes first."""
    turnstile = Turnstile(3, has_rate=False)
    turnstile.arrive("a", 5.0)
    assert turnstile.let_through(Elsewhere(sending=3)) == []
    assert turnstile.let_through(Elsewhere(sending=2, waiting_since=4.0)) == []
    assert turnstile.let_through(Elsewhere(sending=2, waiting_since=6.0)) == ["a"]


def test_with_a_rate_the_next_one_begins_when_the_others_can_take_no_more():
    """So the first have theirs soon, rather than all of them late."""
    turnstile = Turnstile(0, has_rate=True)
    for client in "abc":
        turnstile.arrive(client, 1.0)
    assert turnstile.let_through(ALONE) == ["a"]
    assert turnstile.let_through(ALONE) == []
    turnstile.note("a", takes=False)
    assert turnstile.let_through(ALONE) == ["b"]
    assert turnstile.takers == ["b"]
    turnstile.note("a", takes=True)
    assert turnstile.takers == ["a", "b"]


def test_who_stood_still_comes_back_without_waiting():
    """Others had their turn meanwhile; to wait again would be twice."""
    turnstile = Turnstile(1, has_rate=False)
    turnstile.arrive("a", 1.0)
    turnstile.arrive("b", 2.0)
    assert turnstile.let_through(ALONE) == ["a"]
    turnstile.leave("a")
    turnstile.note("a", takes=False)
    assert turnstile.let_through(ALONE) == ["b"]
    turnstile.note("a", takes=True)
    assert turnstile.sending == 2
    assert "a" in turnstile.takers


@given(st.lists(st.integers(0, 30), max_size=100), st.integers(1, 5))
def test_never_more_than_the_limit_and_nobody_is_forgotten(story, most):
    """Each arrives once and leaves once; in the end all have had their turn, in order."""
    turnstile = Turnstile(most, has_rate=False)
    arrived, passed = [], []
    inside: list[int] = []
    for number, what in enumerate(story):
        if what % 2 and inside:
            turnstile.leave(inside.pop(what % len(inside)))
        else:
            turnstile.arrive(number, float(number + 1))
            arrived.append(number)
        now_passed = turnstile.let_through(ALONE)
        inside += now_passed
        passed += now_passed
        assert len(inside) == turnstile.sending <= most
    while inside:
        turnstile.leave(inside.pop(0))
        now_passed = turnstile.let_through(ALONE)
        inside += now_passed
        passed += now_passed
    assert passed == arrived
