"""The way of an update, across the deaths of watchers."""

import errno
import os

from hypothesis import given, strategies as st

from tests.typha.syncers.test_intake import FELIX, KEY, intake, toy
from typha.datastore.ports import ApiMissing, Changed, ListDone, Listed, Removed
from typha.journal import log
from typha.syncproto import schema
from typha.syncproto.messages import SyncStatus
from typha.watcher.pipeline import Pipeline


def listed(truth):
    """Make the events of a complete list."""
    return [
        Listed("toys", list(truth.values()), first=True),
        ListDone("toys"),
        ApiMissing("others"),
    ]


class Client:
    """Somebody who gets every batch of felix, and checks the numbers."""

    def __init__(self):
        self.state = {}
        self.last = 0
        self.status = SyncStatus.WAIT_FOR_READY
        self.told = 0

    def take(self, batch):
        """Apply a batch."""
        assert batch.first == self.last + 1
        assert batch.last == batch.first - 1 + len(batch.deltas) + (batch.status is not None)
        self.last = batch.last
        self.told += len(batch.deltas)
        for key, delta in batch.deltas:
            (scanned,) = schema.scan(delta)
            assert scanned.key == key
            if scanned.has_value:
                self.state[key] = delta[: delta.index(b"string")]  # key and value
            else:
                self.state.pop(key, None)
        if batch.status is not None:
            self.status = batch.status


def begun(journal):
    """Begin as a watcher does that finds this journal."""
    return Pipeline(intake(), journal, log.recall(journal))


def fed(pipeline, client, *events):
    """Let events take their way to the client."""
    stream = pipeline.streams[FELIX]
    for event in events:
        pipeline.take(event, 1.0)
        if stream.is_waiting:
            client.take(pipeline.cut(stream))


def test_a_client_is_told_the_list_then_the_status_then_the_changes(tmp_path):
    """Deltas come before the status of the same batch."""
    pipeline, client = begun(tmp_path / "journal"), Client()
    fed(pipeline, client, *listed({"a": toy("a", "1")}))
    assert client.status is SyncStatus.IN_SYNC
    assert client.state.keys() == {KEY.format("a"), KEY.format("default")}
    fed(pipeline, client, Changed("toys", toy("a", "2", "2")), Removed("toys", "", "a"))
    assert client.state.keys() == {KEY.format("default")}


def test_a_successor_tells_only_what_changed_meanwhile(tmp_path):
    """Same epoch, numbers go on, status never goes back."""
    truth = {name: toy(name, "1") for name in "abc"}
    client = Client()
    first = begun(tmp_path / "journal")
    fed(first, client, *listed(truth))
    client.told = 0
    truth["a"] = toy("a", "2", "9")
    del truth["b"]
    truth["d"] = toy("d", "1", "9")
    second = begun(tmp_path / "journal")
    assert second.epoch == first.epoch
    fed(second, client, *listed(truth))
    assert client.told == 3
    assert client.status is SyncStatus.IN_SYNC
    assert client.state.keys() == {KEY.format(n) for n in ("a", "c", "d", "default")}


def test_without_a_past_the_journal_holds_none(tmp_path):
    """What it held could not be used, so nobody after us may take it for ours."""
    fed(begun(tmp_path / "journal"), Client(), *listed({"a": toy("a", "1")}))
    anew = Pipeline(intake(), tmp_path / "journal", None)
    remembered = log.recall(tmp_path / "journal")
    assert remembered is not None
    assert remembered.epoch == anew.epoch
    assert len(remembered.stores[FELIX]) == 0


def test_a_journal_does_not_grow_for_ever(tmp_path, monkeypatch):
    """It is written anew where it has outgrown what it describes."""
    monkeypatch.setattr(log, "SMALLEST_REWRITE", 4000)
    path = tmp_path / "journal"
    pipeline, client = begun(path), Client()
    fed(pipeline, client, *listed({}))
    for number in range(300):
        fed(pipeline, client, Changed("toys", toy("a", str(number), str(number + 2))))
    assert path.stat().st_size < 5000
    remembered = log.recall(path)
    assert remembered is not None
    assert remembered.stores[FELIX].sequence == client.last


def test_a_journal_without_room_is_given_up_and_clients_do_not_notice(tmp_path, monkeypatch):
    """Only a successor will have to start anew: one with a hole would be worse than none."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    pipeline, client = begun(tmp_path / "journal"), Client()
    fed(pipeline, client, *listed({"a": toy("a", "1")}))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        fed(pipeline, client, Changed("toys", toy("b", "1")))
    fed(pipeline, client, Changed("toys", toy("c", "1")))
    assert client.state.keys() == {KEY.format(n) for n in ("a", "b", "c", "default")}
    assert log.recall(tmp_path / "journal") is None


stories = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from("abc"), st.sampled_from(["1", "2", "bad"])),
        st.tuples(st.just("delete"), st.sampled_from("abc"), st.just("")),
        st.tuples(st.just("crash"), st.just(""), st.just("")),
    ),
    max_size=25,
)


@given(stories, st.randoms(use_true_random=False))
def test_no_crash_costs_a_client_anything(tmp_path_factory, story, chance):
    """Whatever is lost between watch and crash, the client ends with the truth."""
    journal = tmp_path_factory.mktemp("run") / "journal"
    client, truth = Client(), {}
    pipeline = begun(journal)
    fed(pipeline, client, *listed(truth))
    for number, (what, name, data) in enumerate(story):
        if what == "crash":
            pipeline = begun(journal)
            if chance.random() < 0.7:  # else it dies again before its list is complete
                fed(pipeline, client, *listed(truth))
        elif what == "set":
            truth[name] = toy(name, data, str(number + 2))
            fed(pipeline, client, Changed("toys", truth[name]))
        else:
            truth.pop(name, None)
            fed(pipeline, client, Removed("toys", "", name))
    pipeline = begun(journal)
    fed(pipeline, client, *listed(truth))
    fresh = Client()
    fed(Pipeline(intake(), None), fresh, *listed(truth))
    assert client.state == fresh.state
    assert client.status is SyncStatus.IN_SYNC
