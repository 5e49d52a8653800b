"""Figures come in, questions go out."""

import threading

import pytest

from typha.ops.desk import Desk
from typha.ops.ledger import Sender
from typha.telemetry import logs
from typha.telemetry.figures import Figures
from typha.telemetry.reporting import Reporter


@pytest.fixture
def desk(short_folder):
    """Return the ops end, turning on a thread as in the process."""
    made = Desk(short_folder)
    made.heard = []
    done = threading.Event()

    def turn() -> None:
        while not done.is_set():
            made.heard.extend(made.reports(0.02))

    thread = threading.Thread(target=turn)
    thread.start()
    yield made
    done.set()
    thread.join()
    made.close()


class Process:
    """A process that reports, and answers `name` with its own name."""

    def __init__(self, rundir, name: str, pid: int) -> None:
        self._reporter = Reporter(rundir, name, pid)
        self._name = name
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def _live(self) -> None:
        figures = Figures()
        while not self._done.is_set():
            self._reporter.push(figures)
            for token, question in self._reporter.questions():
                if question == "name":
                    self._reporter.answer(token, self._name.encode())
            self._reporter.socket.poll(20)
        self._reporter.close()

    def end(self) -> None:
        """End it."""
        self._done.set()
        self._thread.join()


@pytest.fixture
def processes(short_folder):
    """Return two workers."""
    made = [Process(short_folder, f"worker-{pid}", pid) for pid in (1, 2)]
    yield made
    for process in made:
        process.end()


def wait_for(desk, senders: set[Sender]) -> None:
    """Return when all of them have reported."""
    for _ in range(4500):
        if {report.sender for report in desk.heard} >= senders:
            return
        threading.Event().wait(0.02)
    pytest.fail("somebody was not heard")


def asked(desk, senders) -> dict[str, bytes]:
    """Ask some processes for their names."""
    return desk.ask({"name": senders})["name"]


BOTH = {Sender("worker-1", 1), Sender("worker-2", 2)}


@pytest.mark.usefixtures("processes")
def test_every_process_is_heard_under_its_name(desk):
    """With figures that can be read."""
    wait_for(desk, BOTH)
    counted = Figures.from_bytes(desk.heard[0].figures).counters["typha_log_errors"]
    assert counted == {"": logs.errors()}  # of this process, so of the tests before as well


@pytest.mark.usefixtures("processes")
def test_a_question_reaches_all_that_are_asked(desk):
    """And the answers come by post."""
    wait_for(desk, BOTH)
    assert asked(desk, BOTH) == {"worker-1": b"worker-1", "worker-2": b"worker-2"}


@pytest.mark.usefixtures("processes")
def test_who_does_not_answer_in_time_is_left_out(desk, monkeypatch):
    """The others' answers are there all the same; late ones disturb no later question."""
    monkeypatch.setattr("typha.ops.desk.ANSWER_SECONDS", 3.0)
    wait_for(desk, BOTH)
    everybody = {*BOTH, Sender("worker-3", 3)}
    found = desk.ask({"name": everybody, "unheard of": BOTH})
    assert found["name"].keys() == {"worker-1", "worker-2"}
    assert found["unheard of"] == {}
    assert asked(desk, BOTH).keys() == {"worker-1", "worker-2"}


def test_nobody_to_ask_is_answered_at_once(desk):
    """There is nothing to wait for."""
    assert asked(desk, []) == {}
