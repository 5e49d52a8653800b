"""Who may come in before anything is known of them."""

import pytest
from hypothesis import given, strategies as st

from typha.scoreboard import ADDRESS_CELLS, Scoreboard
from workers.admission import Admission

# Three addresses that do not share a cell, which any two may.
A, B, C = list({hash(name) % ADDRESS_CELLS: name for name in "abcdefgh"}.values())[:3]


@pytest.fixture
def board():
    """Make the page of a server with two workers."""
    return made_board(2)


def made_board(workers):
    """Make a page on which every worker has a process."""
    board = Scoreboard(workers)
    for slot in board.workers:
        slot.pid = 1
    return board


def test_one_address_cannot_take_all_the_room(board):
    """Others still come in."""
    admission = Admission(board, 0, 10, 2)
    assert admission.enter(A)
    assert admission.enter(A)
    assert not admission.enter(A)
    assert admission.enter(B)
    admission.prove(A)
    assert admission.enter(A)


def test_the_limits_are_the_server_s_not_a_worker_s(board):
    """Whoever is with a neighbour counts as well."""
    mine, other = (Admission(board, index, 3, 2) for index in range(2))
    assert mine.enter(A)
    assert other.enter(A)
    assert not mine.enter(A)
    assert not other.enter(A)
    assert other.enter(B)
    assert not mine.is_crowded()
    assert other.enter(C)
    assert mine.is_crowded()
    other.prove(B)
    assert not mine.is_crowded()


def test_the_connections_of_a_dead_worker_are_forgotten_by_its_successor(board):
    """They ended with it."""
    mine, dead = (Admission(board, index, 3, 2) for index in range(2))
    assert dead.enter(A)
    assert dead.enter(A)
    assert not mine.enter(A)
    board.worker(1).reset(pid=2, now=1.0)  # by the parent
    Admission(board, 1, 3, 2)
    assert mine.enter(A)
    assert mine.enter(A)
    assert board.unproven() == 2


def test_without_a_limit_nobody_is_one_too_many(board):
    """In all, or from one address."""
    admission = Admission(board, 0, 0, 0)
    assert all(admission.enter(A) for _ in range(100))
    assert not admission.is_crowded()


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([A, B, C])), max_size=40),
    st.integers(1, 9),
    st.integers(0, 4),
)
def test_the_limits_hold_whatever_comes_and_goes(arrivals, most, each):
    """Nobody is counted twice, and nobody is forgotten."""
    board = made_board(3)
    workers = [Admission(board, index, most, each) for index in range(3)]
    inside = []
    for worker, address in arrivals:
        if workers[worker].enter(address):
            inside.append((worker, address))
        while workers[worker].is_crowded():
            left, known = inside.pop(0)
            workers[left].prove(known)
        assert len(inside) == board.unproven() <= most
        here = [address for _, address in inside]
        assert all(not each or here.count(a) <= each for a in (A, B, C))
    for worker, address in inside:
        workers[worker].prove(address)
    assert board.unproven() == 0
    assert all(workers[0].enter(A) for _ in range(each or 1))
