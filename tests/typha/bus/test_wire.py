"""The bus's messages survive their way as parts."""

import re

import orjson
import pytest
from hypothesis import given, strategies as st

from typha.bus import wire
from typha.syncproto.frames import Frame, Topic
from typha.syncproto.messages import Codec, Dialect, SyncerType, SyncStatus

NUMBERS = st.integers(0, 2**63 - 1)
FRAMES = st.builds(
    Frame,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.integers(0, 2**32 - 1),
    st.floats(0, 1e9),
    st.sampled_from(SyncStatus),
    st.binary(),
)
NAMES = st.binary(min_size=1, max_size=20)


@given(NAMES, FRAMES)
def test_frames(topic, frame):
    """A frame comes out as it went in."""
    assert wire.decode_frame(wire.encode_frame(topic, frame)) == frame


@given(NUMBERS, st.dictionaries(st.sampled_from([s.value for s in SyncerType]), NUMBERS))
def test_ticks(epoch, published):
    """A tick comes out as it went in, and is no frame."""
    tick = wire.Tick(epoch, published)
    parts = wire.encode_tick(tick)
    assert wire.is_tick(parts)
    assert wire.decode_tick(parts) == tick


@given(
    st.one_of(
        st.builds(wire.SnapshotWanted, NAMES, NUMBERS),
        st.builds(wire.ChangesWanted, NAMES, NUMBERS, NUMBERS, NUMBERS),
    )
)
def test_questions(question):
    """A question comes out as it went in."""
    assert wire.decode_question(wire.encode_question(question)) == question


@given(
    st.one_of(
        st.builds(wire.Changes, NAMES, NUMBERS, st.booleans(), FRAMES),
        st.builds(wire.HistoryLost, NAMES, NUMBERS),
        st.builds(
            wire.SnapshotReady,
            NAMES,
            NUMBERS,
            NUMBERS,
            NUMBERS,
            NUMBERS,
            st.sampled_from(SyncStatus),
            NUMBERS,
            st.text(),
            NUMBERS,
        ),
    )
)
def test_answers(answer):
    """An answer comes out as it went in."""
    assert wire.decode_answer(wire.encode_answer(answer)) == answer


KINDS = st.sampled_from([b"snapshot?", b"changes?", b"snapshot", b"lost", b"changes", b"tick|"])
JSON = st.recursive(
    st.none() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=9,
).map(orjson.dumps)
DECODERS = {
    wire.decode_frame: Frame,
    wire.decode_tick: wire.Tick,
    wire.decode_question: wire.Question,
    wire.decode_answer: wire.Answer,
}


STRANGE = st.lists(st.binary(max_size=40) | KINDS | JSON, min_size=1, max_size=6)
NEARLY = st.tuples(KINDS, NAMES, JSON) | st.tuples(KINDS, JSON, NAMES, st.binary(), st.binary())


@given(STRANGE | NEARLY)
def test_strange_parts_are_decoded_or_raise_the_documented_error(parts):
    """Only another version of ours could send them."""
    for decode, kind in DECODERS.items():
        try:
            assert isinstance(decode(parts), kind)
        except wire.WireError:
            continue


@given(
    st.binary(max_size=40).filter(lambda kind: not kind.startswith((b"snap", b"chang", b"lost")))
)
def test_an_unknown_kind_of_message_is_named_in_the_error(kind):
    """It shows which process is of another version."""
    for decode, what in ((wire.decode_question, "question"), (wire.decode_answer, "answer")):
        with pytest.raises(wire.WireError, match=re.escape(f"unknown {what} {kind!r}")):
            decode([kind, b"topic", b"[1,2,3]"])


@pytest.mark.parametrize("syncer", SyncerType)
@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("codec", Codec)
def test_topics_have_names_of_which_none_begins_another(syncer, dialect, codec):
    """Subscriptions match by prefix."""
    topic = Topic(syncer, dialect, codec)
    assert Topic.from_bytes(topic.to_bytes()) == topic
    names = {Topic(s, d, c).to_bytes() for s in SyncerType for d in Dialect for c in Codec}
    assert [name for name in names if name.startswith(topic.to_bytes())] == [topic.to_bytes()]
