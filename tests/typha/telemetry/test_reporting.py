"""The way from a process to ops and back."""

import os

import pytest
import zmq

from typha.telemetry import reporting
from typha.telemetry.figures import Figures
from typha.telemetry.reporting import Reporter


class Desk:
    """The ops end of the socket, as plain as can be."""

    def __init__(self, rundir) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(reporting.address(rundir))

    def next(self) -> list[bytes]:
        """Return the next message; fails after ten seconds."""
        assert self.socket.poll(10_000), "nothing came"
        return self.socket.recv_multipart()

    def close(self) -> None:
        """Be gone."""
        self._context.destroy(linger=0)


@pytest.fixture
def rundir(short_folder):
    """Return a folder whose name is short enough for sockets."""
    return short_folder


@pytest.fixture
def desk(rundir):
    """Return an ops end."""
    made = Desk(rundir)
    yield made
    made.close()


@pytest.fixture
def reporter(rundir):
    """Return a worker's end."""
    made = Reporter(rundir, "worker-0", 4242)
    yield made
    made.close()


def counted(number: int) -> Figures:
    """Return figures with something in them."""
    figures = Figures()
    figures.set_counter("typha_connections_accepted", "", number)
    return figures


def push_until_heard(reporter: Reporter, desk: Desk) -> list[bytes]:
    """Push as a process does, again and again; the first ones may find nobody."""
    for _ in range(200):
        reporter.push(counted(7))
        if desk.socket.poll(50):
            return desk.next()
    pytest.fail("nothing came")


def asked(reporter: Reporter) -> tuple[bytes, str]:
    """Wait for a question that is the process's own to answer."""
    for _ in range(200):
        for question in reporter.questions():
            return question
        reporter.socket.poll(50)
    pytest.fail("no question came")


def test_figures_come_with_the_name_and_pid_of_their_process(reporter, desk):
    """So that a restarted worker is told from its predecessor."""
    sender, kind, payload = push_until_heard(reporter, desk)
    assert (sender, kind) == (b"worker-0/4242", b"figures")
    assert Figures.from_bytes(payload).counters["typha_connections_accepted"] == {"": 7}


def test_a_question_is_answered_under_its_token(reporter, desk):
    """Several may be on their way."""
    sender = push_until_heard(reporter, desk)[0]
    desk.socket.send_multipart([sender, b"ask", b"token-1", b"clients"])
    token, name = asked(reporter)
    assert (token, name) == (b"token-1", "clients")
    reporter.answer(token, b"[]")
    while (message := desk.next())[1] != b"answer":
        pass
    assert message[2:] == [b"token-1", b"[]"]


@pytest.mark.parametrize(
    ("question", "expected"), [(b"stacks", b"test_reporting.py"), (b"memory", b"objects tracked")]
)
def test_what_every_process_knows_is_answered_without_its_help(reporter, desk, question, expected):
    """Stacks and memory need nothing of the body."""
    sender = push_until_heard(reporter, desk)[0]
    desk.socket.send_multipart([sender, b"ask", b"t", question])
    while True:
        assert list(reporter.questions()) == []
        if desk.socket.poll(50) and (message := desk.next())[1] == b"answer":
            break
    assert expected in message[3]


def test_without_ops_pushing_does_not_block(reporter):
    """The process's own work goes on; a blocking push would never return here."""
    for _ in range(1000):
        reporter.push(counted(1))
    assert list(reporter.questions()) == []


def test_a_restarted_ops_process_is_found_again(reporter, rundir):
    """Its predecessor's socket file is replaced."""
    first = Desk(rundir)
    push_until_heard(reporter, first)
    first.close()
    reporter.push(counted(1))
    second = Desk(rundir)
    assert push_until_heard(reporter, second)[0] == b"worker-0/4242"
    second.close()


def test_stacks_name_the_threads():
    """The main thread is always one of them."""
    assert "thread MainThread" in reporting.stacks()
    assert os.path.basename(__file__) in reporting.stacks()  # noqa: PTH119 a plain name is meant


def test_without_news_every_fifth_push_is_sent(reporter, desk):
    """New observations are none; a counter is."""
    push_until_heard(reporter, desk)
    while desk.socket.poll(200):
        desk.next()
    figures = counted(8)
    reporter.push(figures)
    assert Figures.from_bytes(desk.next()[-1]).counters == figures.counters
    for number in range(1, reporting.QUIET_PUSHES):
        figures.summary("typha_ping_latency", "felix").observe(number)
        reporter.push(figures)
        assert not desk.socket.poll(20)
    reporter.push(figures)
    told = Figures.from_bytes(desk.next()[-1])
    assert told.summaries["typha_ping_latency"]["felix"].count == reporting.QUIET_PUSHES - 1
