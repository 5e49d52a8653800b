"""What workers are told when they ask: a snapshot that is good enough, or what has changed."""

import time
from pathlib import Path

import pytest

from tests.typha.journal.test_snapshot import messages, plain
from tests.typha.syncers.test_intake import FELIX, KEY, intake, toy
from typha.bus.wire import ChangesWanted, HistoryLost, SnapshotWanted
from typha.datastore.ports import ApiMissing, Changed, ListDone, Listed, Removed
from typha.journal import store
from typha.syncproto.frames import Topic
from typha.syncproto.messages import Codec, Dialect, KVs, SyncStatus, SyncStatusMessage
from typha.watcher import answers
from typha.watcher.answers import UNFOLLOWED_SECONDS, Answers
from typha.watcher.pipeline import Pipeline

TOPIC = Topic(FELIX, Dialect.MODERN, Codec.PLAIN)
NAME = TOPIC.to_bytes()
ANSWER = 3  # keys in an answer


class Watcher:
    """A pipeline that publishes all it takes, and the answers about it."""

    def __init__(self, folder):
        self.pipeline = Pipeline(intake(), None)
        self.stream = self.pipeline.streams[FELIX]
        self.take(Listed("toys", [toy(n, "1") for n in "abcdefg"], first=True))
        self.take(ListDone("toys"))
        self.take(ApiMissing("others"))
        self.answers = Answers(self.pipeline, folder, 2, ANSWER)

    def take(self, event):
        """Publish what an event comes to."""
        self.pipeline.take(event, 1.0)
        if self.stream.is_waiting:
            self.pipeline.cut(self.stream)

    def change(self, names):
        """Let some objects have other values."""
        for name in names:
            version = str(self.stream.published + 100)
            self.take(Changed("toys", toy(name, version, version)))

    def snapshot(self, token=7):
        """Ask for a snapshot."""
        return self.answers.answer(SnapshotWanted(NAME, token))

    def since(self, sequence, token=7, epoch=None):
        """Ask what has changed."""
        epoch = self.pipeline.epoch if epoch is None else epoch
        return self.answers.answer(ChangesWanted(NAME, sequence, epoch, token))


@pytest.fixture
def watcher(tmp_path):
    """Begin with a list that is published."""
    return Watcher(tmp_path)


def told(frame):
    """Tell the names in a frame, and the status behind them."""
    found = []
    for message in messages(plain(frame.payload, Codec.PLAIN)):
        if isinstance(message, KVs):
            found += [update.key.removeprefix(KEY.format("")) for update in message.updates]
        else:
            assert isinstance(message, SyncStatusMessage)
            found.append(SyncStatus(message.status))
    return found


def test_a_snapshot_says_what_it_holds_and_serves_all_who_ask_within_a_moment(watcher):
    """However much has changed since: that is asked for as well."""
    first = watcher.snapshot(1)
    watcher.change("abcdefg")
    second = watcher.snapshot(2)
    assert (first.token, second.token) == (1, 2)
    assert (first.epoch, first.status, first.keys) == (
        watcher.pipeline.epoch,
        SyncStatus.IN_SYNC,
        8,
    )
    assert first.sequence == first.published == second.sequence
    assert second.published == watcher.stream.published == first.sequence + 7
    assert second.path == first.path
    assert (watcher.answers.generated[FELIX], watcher.answers.reused[FELIX]) == (1, 1)
    sent = messages(plain(Path(first.path).read_bytes(), Codec.PLAIN))
    assert [len(message.updates) for message in sent] == [2, 2, 2, 2]  # as large as it may be


def test_an_older_snapshot_serves_while_little_has_changed(watcher, monkeypatch, tmp_path):
    """Beyond a share of its keys a new one replaces it."""
    monkeypatch.setattr(answers, "YOUNG_SECONDS", 0.0)
    first = watcher.snapshot()
    watcher.change("ab")
    assert watcher.snapshot().path == first.path
    watcher.change("c")
    second = watcher.snapshot()
    assert second.sequence == watcher.stream.published
    assert [str(path) for path in tmp_path.iterdir()] == [second.path]


def test_a_snapshot_from_before_what_is_remembered_is_none(watcher, monkeypatch):
    """Who began with it would have to begin again."""
    monkeypatch.setattr(store, "MINIMUM_TOMBSTONES", 0)
    first = watcher.snapshot()
    for name in "abcdefg":
        watcher.take(Removed("toys", "", name))
    assert watcher.snapshot().sequence > first.sequence


def test_a_snapshot_that_was_swept_away_is_made_anew(watcher, tmp_path):
    """By whoever cleans up temporary files."""
    watcher.snapshot()
    for path in tmp_path.iterdir():
        path.unlink()
    watcher.snapshot()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_snapshot_that_nobody_follows_any_more_makes_room(watcher, tmp_path):
    """Not at once: who has just asked may be about to follow, or to be followed by others."""
    watcher.snapshot()
    now = time.monotonic()
    (kept,) = tmp_path.iterdir()
    watcher.answers.sweep({NAME}, now + 1000.0)
    watcher.answers.sweep(set(), now + 1000.0 + UNFOLLOWED_SECONDS)
    assert kept.exists()
    watcher.answers.sweep(set(), now + 1001.0 + UNFOLLOWED_SECONDS)
    assert not kept.exists()
    assert Path(watcher.snapshot().path).exists()


def test_what_a_former_watcher_left_is_removed(tmp_path):
    """Its snapshots only."""
    (tmp_path / "snapshot-felix-1").write_bytes(b"old")
    (tmp_path / "journal").write_bytes(b"new")
    Watcher(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["journal"]


def test_what_has_changed_is_told_in_pieces_and_then_how_complete_that_is(watcher):
    """Each piece leads up to a number, from which the next question goes on."""
    begin = watcher.stream.published
    watcher.change("abcdefg")
    watcher.change("a")
    pieces, at, more = [], begin, True
    while more:
        piece = watcher.since(at)
        more, frame = piece.more, piece.frame
        assert (piece.token, frame.first, frame.epoch) == (7, at + 1, watcher.pipeline.epoch)
        assert frame.kvs == len([one for one in told(frame) if isinstance(one, str)])
        at = frame.last
        pieces.append(told(frame))
    assert pieces == [["b", "c", "d"], ["e", "f", "g"], ["a", SyncStatus.IN_SYNC]]
    assert at == watcher.stream.published


def test_who_has_everything_is_told_how_complete_that_is(watcher):
    """Nothing else is new."""
    now = watcher.stream.published
    piece = watcher.since(now)
    assert (piece.more, piece.frame.last, told(piece.frame)) == (False, now, [SyncStatus.IN_SYNC])


def test_workers_that_ask_alike_share_an_answer_as_long_as_it_is_the_last_word(watcher):
    """Each with the token that it gave."""
    begin = watcher.stream.published
    watcher.change("ab")
    first, second = watcher.since(begin, 1), watcher.since(begin, 2)
    assert second.frame.payload is first.frame.payload
    assert (first.token, second.token) == (1, 2)
    watcher.change("c")
    assert told(watcher.since(begin).frame) == ["a", "b", "c", SyncStatus.IN_SYNC]
    watcher.answers.forget()
    assert told(watcher.since(begin).frame) == ["a", "b", "c", SyncStatus.IN_SYNC]


def test_who_is_further_behind_misses_nothing_by_what_was_looked_up_for_another(watcher):
    """Either may come first."""
    begin = watcher.stream.published
    watcher.change("abcdefg")
    assert told(watcher.since(begin + 2).frame) == ["c", "d", "e"]
    assert told(watcher.since(begin).frame) == ["a", "b", "c"]
    assert told(watcher.since(begin + 3).frame) == ["d", "e", "f"]


def test_only_so_much_of_answers_is_kept(watcher, monkeypatch):
    """Those who ask alike come together; it is made again for whoever comes later."""
    monkeypatch.setattr(answers, "REMEMBERED_BYTES", 100)
    begin = watcher.stream.published
    watcher.change("ab")
    first, _other = watcher.since(begin), watcher.since(begin + 1)
    again = watcher.since(begin)
    assert again.frame.payload == first.frame.payload
    assert again.frame.payload is not first.frame.payload


def test_what_is_not_remembered_has_no_answer(watcher, monkeypatch):
    """Another epoch, or deletions that were forgotten."""
    begin = watcher.stream.published
    lost = HistoryLost(NAME, 7)
    assert watcher.since(begin, epoch=watcher.pipeline.epoch + 1) == lost
    monkeypatch.setattr(store, "MINIMUM_TOMBSTONES", 0)
    for name in "abcdefg":
        watcher.take(Removed("toys", "", name))
    assert watcher.since(begin) == lost
    assert told(watcher.since(watcher.stream.published - 1).frame) == ["g", SyncStatus.IN_SYNC]
