"""While the API server does not answer, no stream is believed to be fresh."""

import threading
from dataclasses import replace

from tests.typha.datastore.recording import Recording
from typha.datastore.k8s.upstream import Upstream
from typha.datastore.ports import ListDone, StreamReport, StreamState

GOOD = StreamReport(resource="pods", state=StreamState.WATCHING, alive_at=50.0, revision="7")
MISSING = StreamReport(resource="nodes", state=StreamState.MISSING, alive_at=60.0, error="404")


def test_events_and_reports_pass_while_all_is_well():
    """As they are."""
    inbox = Recording()
    upstream = Upstream(inbox)
    upstream.answered(10.0)
    upstream.put(ListDone("pods"))
    upstream.put(GOOD)
    assert inbox.events == [ListDone("pods"), GOOD]


def test_trouble_is_told_for_every_stream_at_once_and_so_is_its_end():
    """A bookmark in between does not hide it; what streams said last holds again afterwards."""
    inbox = Recording()
    upstream = Upstream(inbox)
    upstream.answered(40.0)
    upstream.put(GOOD)
    upstream.put(MISSING)
    del inbox.events[:]
    upstream.failed("gone")
    shown = {"state": StreamState.FAILING, "error": "gone", "alive_at": 40.0}
    shown["failing_since"] = 40.0  # the last answer
    assert inbox.events == [replace(GOOD, **shown), replace(MISSING, **shown)]
    later = replace(GOOD, alive_at=70.0)
    upstream.put(later)
    assert inbox.events[2:] == [replace(GOOD, **shown)]
    upstream.failed("gone")
    upstream.answered(80.0)
    upstream.answered(90.0)
    assert inbox.events[3:] == [later, MISSING]


def test_a_stream_that_was_never_alive_is_not_made_so():
    """Zero means never."""
    inbox = Recording()
    upstream = Upstream(inbox)
    upstream.put(StreamReport(resource="pods", state=StreamState.LISTING))
    upstream.failed("gone")
    assert inbox.reports["pods"].alive_at == 0.0


def test_what_is_forbidden_is_known_also_while_nobody_answers():
    """By what the streams said last."""
    upstream = Upstream(Recording())
    upstream.put(GOOD)
    upstream.put(replace(MISSING, state=StreamState.FORBIDDEN))
    upstream.failed("gone")
    assert upstream.forbidden() == {"nodes"}
    upstream.put(MISSING)
    assert upstream.forbidden() == frozenset()


class Slow(Recording):
    """An inbox that takes its time with bad news."""

    def __init__(self):
        super().__init__()
        self.is_taking = threading.Event()

    def put(self, event):
        """Take one event."""
        if event.state is StreamState.FAILING:
            self.is_taking.set()
            threading.Event().wait(0.1)
        super().put(event)


def test_what_is_shown_last_arrives_last():
    """A stream that reports just when trouble ends is not left in trouble until its next event."""
    inbox = Slow()
    upstream = Upstream(inbox)
    upstream.failed("gone")
    stream = threading.Thread(target=upstream.put, args=(GOOD,))
    stream.start()
    assert inbox.is_taking.wait(60)
    upstream.answered(60.0)
    stream.join()
    assert inbox.reports["pods"] == GOOD
