"""The benchmarks' own reading of the server's stream."""

from hypothesis import given, settings, strategies as st

from benchmarks import gobheads, objects, pieces
from tests import recordings
from typha.syncproto import frames, schema
from typha.syncproto.messages import (
    Codec,
    DecoderRestart,
    KVs,
    Ping,
    ServerHello,
    SyncerType,
    SyncStatusMessage,
)

NAMES = {
    ServerHello: "MsgServerHello",
    KVs: "MsgKVs",
    SyncStatusMessage: "MsgSyncStatus",
    Ping: "MsgPing",
    type(None): "nothing",
}
KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)
UPDATES = st.lists(
    st.tuples(KEYS, st.binary(max_size=300), st.text("0123456789", max_size=20)), max_size=12
)


def encoded(updates: list[tuple[str, bytes, str]]) -> bytes:
    """Encode a whole stream as the server does."""
    elements = [
        schema.element(key, value, revision, "", gobheads.UPDATED)
        for key, value, revision in updates
    ]
    hello = schema.server_hello("v1", SyncerType.FELIX, 7)
    return schema.PREAMBLE + hello + schema.kvs(elements) + schema.status(2)


@settings(deadline=None, max_examples=60)
@given(UPDATES, st.integers(1, 400))
def test_cutting_the_stream_anywhere_changes_no_message(
    updates: list[tuple[str, bytes, str]], step: int
) -> None:
    """A place in the stream is all that has to be remembered between two reads."""
    stream = encoded(updates)
    place, whole = gobheads.walk(gobheads.Place(), stream)
    assert place == gobheads.Place()
    cut, found = gobheads.Place(), []
    for start in range(0, len(stream), step):
        cut, more = gobheads.walk(cut, stream[start : start + step])
        found += more
    assert cut == place
    assert found == whole
    assert [m.name for m in found if m.name != "definition"] == [
        "MsgServerHello",
        "MsgKVs",
        "MsgSyncStatus",
    ]


@settings(deadline=None, max_examples=60)
@given(UPDATES)
def test_updates_come_out_as_they_went_in(updates: list[tuple[str, bytes, str]]) -> None:
    """Key, value, revision and kind; an empty value is no value."""
    stream = encoded(updates)
    _, found = gobheads.walk(gobheads.Place(), stream, len(stream))
    body = next(message.body for message in found if message.name == "MsgKVs")
    assert [tuple(update) for update in gobheads.updates(body)] == [
        (*update, gobheads.UPDATED) for update in updates
    ]
    assert gobheads.kvs(body) == len(updates)


def test_shared_pieces_are_read_once() -> None:
    """The second client at the same place only looks up what the first one read."""
    streams = pieces.Streams(compressed=True)
    elements = [
        schema.element(objects.POLICIES.key(n), objects.POLICIES.value(n, n + 5), "1", "", 2)
        for n in range(3)
    ]
    chunk = frames.deltas(elements, None, Codec.SNAPPY)
    assert pieces.chunk_size(chunk) == len(chunk)
    read = streams.start.learn(chunk)
    assert streams.start.known[chunk[: pieces.HEADER_BYTES]] is read
    assert read.after is streams.start
    assert (read.kvs, read.messages, read.stamps) == (3, 1, (5, 6, 7))
    assert [update.key for update in pieces.decoded([read])] == [
        objects.POLICIES.key(n) for n in range(3)
    ]


def test_a_message_may_span_chunks() -> None:
    """Snapshots are cut every 64 KiB, wherever a message is by then."""
    streams = pieces.Streams(compressed=True)
    elements = [
        schema.element(objects.PODS.key(n), objects.PODS.value(n, 0), "1", "", 1)
        for n in range(500)
    ]
    rest, position, run = frames.deltas(elements, None, Codec.SNAPPY), streams.start, []
    while rest:
        size = pieces.chunk_size(rest)
        run.append(position.learn(rest[:size]))
        position, rest = run[-1].after, rest[size:]
    assert len(run) > 3
    assert position is streams.start
    assert sum(piece.kvs for piece in run) == 500
    assert len(list(pieces.decoded(run))) == 500


def test_what_the_original_sends_is_understood() -> None:
    """Its definitions come in the middle of messages; Go itself says what they were."""
    plain = [
        recording
        for recording in recordings.all_of_them()
        if not any(isinstance(m, DecoderRestart) for m in recording.messages_of_server())
    ]
    assert len(plain) > 20
    for recording in plain:
        stream = recording.sent_by_server
        place, found = gobheads.walk(gobheads.Place(), stream, len(stream) + 1)
        names = [message.name for message in found if message.name != "definition"]
        expected = [NAMES[type(message)] for message in recording.messages_of_server()]
        assert (recording.path, names) == (recording.path, expected)
        assert place == gobheads.Place()
