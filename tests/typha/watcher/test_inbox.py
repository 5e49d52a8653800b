"""The queue between the datastore's threads and the one that owns all state is bounded."""

import select
import threading

from typha.datastore.ports import ListDone, Listed
from typha.watcher import inbox as subject
from typha.watcher.inbox import Inbox


def is_readable(inbox: Inbox) -> bool:
    """Ask as a poller would."""
    return bool(select.select([inbox.descriptor], [], [], 0)[0])


def test_events_come_out_in_order_and_the_descriptor_says_whether_there_are_any():
    """Each with the moment it came in."""
    inbox = Inbox()
    assert not is_readable(inbox)
    for resource in ("a", "b", "c"):
        inbox.put(ListDone(resource))
    assert is_readable(inbox)
    assert [event for _, event in inbox.take(2)] == [ListDone("a"), ListDone("b")]
    assert is_readable(inbox)
    ((born, last),) = inbox.take(5)
    assert last == ListDone("c")
    assert born > 0
    assert not is_readable(inbox)


def test_a_part_of_a_list_weighs_what_it_holds(monkeypatch):
    """So that a large list waits outside, as bytes, and not inside, as objects."""
    monkeypatch.setattr(subject, "LARGEST_BACKLOG", 10)
    inbox = Inbox()
    inbox.put(Listed("pods", [{}] * 10, first=True))
    waiting = threading.Thread(target=inbox.put, args=(ListDone("pods"),), daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    assert len(inbox.take(100)) == 1
    waiting.join(60)
    assert len(inbox.take(100)) == 1
