"""Between who logs and a slow sink."""

import logging
import threading

import pytest

from typha.telemetry import layouts
from typha.telemetry.layouts import Layout
from typha.telemetry.queueing import QUEUE_LINES, QueueingHandler, SinkHandler


def text(record):
    """Lay a record out as its message alone."""
    return record.getMessage()


class Gate:
    """A sink that takes lines only while it is open."""

    def __init__(self, *, open_=True):
        self.open = threading.Event()
        self.entered = threading.Event()
        self.lines = []
        self.closed = False
        if open_:
            self.open.set()

    def write(self, line):
        """Keep the line, once the gate is open."""
        self.entered.set()
        self.open.wait(60)
        self.lines.append(line)

    def close(self):
        """Remember it."""
        self.closed = True


class Broken(Gate):
    """A sink that takes nothing."""

    def write(self, line):
        """Refuse the line."""
        raise OSError(f"no room for {line}")


@pytest.fixture
def logger():
    """Return a logger of its own, which is left without handlers."""
    made = logging.getLogger("typha.test_queueing")
    made.setLevel(logging.INFO)
    yield made
    for handler in [*made.handlers]:
        made.removeHandler(handler)
        handler.close()


def test_lines_arrive_in_order(logger):
    """Through the queue and its thread."""
    gate = Gate()
    handler = QueueingHandler(gate, Layout(text, ""), wait=False)
    logger.addHandler(handler)
    for number in range(20):
        logger.info("%d", number)
    handler.flush()
    assert gate.lines == [str(number) for number in range(20)]


def test_a_sink_that_hangs_costs_lines_not_time(logger):
    """What did not fit is counted, and said before the next line."""
    gate = Gate(open_=False)
    handler = QueueingHandler(gate, Layout(text, ""), wait=False)
    logger.addHandler(handler)
    logger.info("first")
    assert gate.entered.wait(60)
    for number in range(QUEUE_LINES + 7):
        logger.info("%d", number)
    assert handler.errors == 7
    gate.open.set()
    handler.flush()
    assert gate.lines[:3] == ["first", "... dropped 7 logs ...", "0"]
    assert len(gate.lines) == 1 + 1 + QUEUE_LINES


def test_no_line_is_dropped_where_waiting_was_asked_for(logger):
    """Whoever logs waits instead."""
    gate = Gate(open_=False)
    handler = QueueingHandler(gate, Layout(text, ""), wait=True)
    logger.addHandler(handler)

    def log_many():
        for number in range(QUEUE_LINES * 2):
            logger.info("%d", number)

    logging_thread = threading.Thread(target=log_many)
    logging_thread.start()
    gate.open.set()
    logging_thread.join()
    handler.flush()
    assert len(gate.lines) == QUEUE_LINES * 2
    assert handler.errors == 0


def test_a_fatal_line_is_written_before_the_call_returns(logger):
    """The process may end right after it."""
    gate = Gate()
    logger.addHandler(QueueingHandler(gate, Layout(text, ""), wait=False))
    logger.critical("the end")
    assert gate.lines == ["the end"]


def test_no_thread_exists_before_the_first_line(logger):
    """A process that is going to fork may configure, as long as it does not log."""
    before = {*threading.enumerate()}  # some may end meanwhile, which are none of ours
    handler = QueueingHandler(Gate(), Layout(text, ""), wait=False)
    logger.addHandler(handler)
    assert {*threading.enumerate()} <= before
    logger.info("x")
    assert len({*threading.enumerate()} - before) == 1
    logger.removeHandler(handler)
    handler.close()
    assert {*threading.enumerate()} <= before


@pytest.mark.parametrize("queueing", [False, True])
def test_failing_writes_are_counted(logger, queueing):
    """There is nowhere to report them."""
    layout = Layout(text, "")
    broken = Broken()
    handler = (
        QueueingHandler(broken, layout, wait=False) if queueing else SinkHandler(broken, layout)
    )
    logger.addHandler(handler)
    logger.info("a")
    logger.info("b")
    handler.flush()
    assert handler.errors == 2


def test_a_wrong_log_call_does_not_end_who_logs(capsys):
    """It is shown on stderr, with the place."""
    gate = Gate()
    handler = SinkHandler(gate, Layout(layouts.text, ""))
    wrong = logging.LogRecord("typha.x", logging.INFO, "/x.py", 1, "%d", ("no number",), None)
    handler.handle(wrong)
    assert gate.lines == []
    assert "no number" in capsys.readouterr().err


def test_closing_lets_go_of_the_sink(logger):
    """After what was queued."""
    gate = Gate()
    handler = QueueingHandler(gate, Layout(text, ""), wait=False)
    logger.addHandler(handler)
    logger.info("x")
    logger.removeHandler(handler)
    handler.close()
    assert gate.lines == ["x"]
    assert gate.closed


def test_a_sink_that_hangs_at_the_end_is_left_to_its_thread(logger, monkeypatch):
    """Its descriptor must not become another file's under the thread's hands."""
    monkeypatch.setattr("typha.telemetry.queueing._FLUSH_SECONDS", 0.05)
    gate = Gate(open_=False)
    handler = QueueingHandler(gate, Layout(text, ""), wait=False)
    logger.addHandler(handler)
    logger.info("x")
    logger.removeHandler(handler)
    handler.close()
    assert not gate.closed
    gate.open.set()
