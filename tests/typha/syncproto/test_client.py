"""The client's side: recorded servers, every pair of state and input, both sides together."""

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from tests import recordings
from tests.recordings import Recording
from tests.serving import Shell, elements
from tests.typha.syncproto.updates import UPDATES
from typha.gob import varint
from typha.syncproto import client, client_schema, generations, schema, snappy
from typha.syncproto.client import NEXT, ClientSession, Input, State
from typha.syncproto.errors import (
    HelloError,
    MessageTooLargeError,
    PeerError,
    UndecodableError,
    UnexpectedMessageError,
    UsageError,
)
from typha.syncproto.messages import (
    Ack,
    ClientHello,
    Codec,
    DecoderRestart,
    KVs,
    Message,
    Ping,
    Pong,
    SerializedUpdate,
    ServerHello,
    SyncerType,
    SyncStatusMessage,
)
from typha.syncproto.parsing import MessageReader
from typha.telemetry.closing import CloseReason

MODERN = generations.hello()
GREETING = schema.PREAMBLE + schema.server_hello("v9", SyncerType.FELIX, 1)
RESTART = schema.decoder_restart("because", Codec.SNAPPY)
IN_SYNC = SyncStatusMessage(status=2)


def said(data: bytes) -> list[Message | None]:
    """Return the messages of a client's stream."""
    reader = MessageReader()
    reader.feed(data)
    return list(reader.messages())


def streaming(hello: ClientHello = MODERN) -> ClientSession:
    """Return a session that has been greeted."""
    session = ClientSession(hello)
    session.data_to_send()
    session.receive(GREETING)
    return session


# ---- recorded servers ----

SERVERS = [r for r in recordings.all_of_them() if r.messages_of_client()[:1] and r.sent_by_server]


@pytest.mark.golden
@pytest.mark.parametrize("recording", SERVERS, ids=lambda r: r.path)
def test_a_recorded_server_is_understood_and_answered_as_it_was(recording: Recording) -> None:
    """All updates, statuses, pings and restarts; and what real clients said to them."""
    hello, *answers = recording.messages_of_client()
    assert isinstance(hello, ClientHello)
    data = recording.sent_by_server
    for step in (1, 4096):
        if step == 1 and len(data) > 50_000:
            continue
        session = ClientSession(hello, accept_ancient=True)
        heard: list[Message] = []
        spoken = session.data_to_send()
        for start in range(0, len(data), step):
            heard += session.receive(data[start : start + step])
            spoken += session.data_to_send()
        assert heard == recording.messages_of_server()
        if "raw-" not in recording.path:  # those were driven by hand
            assert said(spoken) == [hello, *answers]
        assert session.end_of_input()


def test_there_are_recordings_of_servers() -> None:
    """So that the test above means something."""
    assert len(SERVERS) > 100


# ---- every pair of state and input ----

MESSAGES = {
    Input.HELLO: schema.server_hello("v9", SyncerType.FELIX, 1),
    Input.RESTART: RESTART,
    Input.CONTENT: schema.status(1),
    Input.IGNORED: bytes.fromhex("03ff8200"),
    Input.OTHER: b"",  # stands for a pong, below
}
PONG = client_schema.PREAMBLE + client_schema.pong(1)


def session_in(state: State) -> ClientSession:
    """Return a session that has come to a state, and knows all definitions."""
    session = ClientSession(MODERN)
    if state is State.CLOSED:
        session.end_of_input()
    elif state is State.STREAM:
        session.receive(GREETING)
    return session


@pytest.mark.parametrize(
    ("state", "what"), list(itertools.product(State, Input)), ids=lambda value: value.name
)
def test_every_input_in_every_state_is_legal_or_the_documented_error(
    state: State, what: Input
) -> None:
    """A legal one leads where the table says, any other closes the session."""
    session = session_in(state)
    data = MESSAGES[what]
    if what is Input.OTHER:
        session = session_in(State.HELLO) if state is not State.CLOSED else session
        session.state = state
        data = PONG
    elif state is State.HELLO:
        data = schema.PREAMBLE + data
    if (state, what) in NEXT:
        session.receive(data)
        assert session.state is NEXT[state, what]
    elif state is State.CLOSED:
        with pytest.raises(UsageError):
            session.receive(data)
    else:
        kind = HelloError if state is State.HELLO else UnexpectedMessageError
        with pytest.raises(kind):
            session.receive(data)
        assert session.state is State.CLOSED


# ---- what a server may be ----


def test_another_stream_than_was_asked_for_is_refused() -> None:
    """It would be taken for the wrong keys."""
    session = ClientSession(generations.hello(SyncerType.BGP))
    with pytest.raises(HelloError, match="asked for bgp") as caught:
        session.receive(GREETING)
    assert caught.value.reason is CloseReason.UNKNOWN_SYNCER


@pytest.mark.golden
def test_a_server_older_than_v3_9_is_refused_unless_accepted() -> None:
    """As clients since v3.31 do, and those before did not."""
    data = recordings.named("v3.8.9/type-bgp").sent_by_server
    hello = generations.hello(SyncerType.BGP, version="v3.8.9")
    with pytest.raises(HelloError, match=r"before v3\.9"):
        ClientSession(hello).receive(data)
    assert ClientSession(hello, accept_ancient=True).receive(data)


def test_messages_of_any_reasonable_size_are_taken_and_no_others() -> None:
    """The bound is checked on the announced length."""
    session = streaming()
    with pytest.raises(MessageTooLargeError):
        session.receive(varint.encode_uint(client.LIMITS.message_bytes + 1))


# ---- restarts ----


def test_a_restart_may_lead_to_snappy_and_back() -> None:
    """Each stream begins anew, with its own definitions; every restart is acknowledged."""
    session = streaming()
    restart = DecoderRestart(message="because", compression_algorithm="snappy")
    assert session.receive(RESTART) == [restart]
    chunks = snappy.STREAM_IDENTIFIER + snappy.compress(schema.PREAMBLE + schema.status(1))
    chunks += snappy.compress(schema.decoder_restart("", Codec.PLAIN))
    assert session.receive(chunks)[:1] == [SyncStatusMessage(status=1)]
    assert session.receive(schema.PREAMBLE + schema.status(2)) == [IN_SYNC]
    assert said(client_schema.PREAMBLE + session.data_to_send()) == [Ack(), Ack()]


def test_an_unknown_algorithm_leaves_the_decoder_as_it_is() -> None:
    """Go's client acknowledges all the same."""
    session = streaming()
    restart = schema._message(schema.DECODER_RESTART, {"CompressionAlgorithm": "zstd"})
    assert len(session.receive(restart + schema.status(2))) == 2
    assert said(client_schema.PREAMBLE + session.data_to_send()) == [Ack()]


def test_a_restart_nobody_offered_is_refused() -> None:
    """An older client does not even know the message."""
    session = streaming(generations.hello(version="v3.24.6"))
    with pytest.raises(UnexpectedMessageError):
        session.receive(RESTART)


def test_data_behind_a_restart_in_its_chunk_would_be_lost() -> None:
    """So a server that does this is told off, before a Go client hangs."""
    session = streaming()
    session.receive(RESTART)
    chunk = snappy.compress(schema.PREAMBLE + RESTART + schema.status(2))
    with pytest.raises(UndecodableError, match="same chunk"):
        session.receive(snappy.STREAM_IDENTIFIER + chunk)


def test_a_broken_chunk_is_an_error_of_the_peer() -> None:
    """With the session closed behind it."""
    session = streaming()
    session.receive(RESTART)
    with pytest.raises(UndecodableError):
        session.receive(b"no framing at all")
    with pytest.raises(UsageError):
        session.receive(b"")


def test_pings_are_answered_with_their_own_time() -> None:
    """After everything before them has been taken in."""
    session = streaming()
    time = 1_700_000_000_987_654_321
    heard = session.receive(schema.status(2) + schema.ping(time))
    assert heard == [IN_SYNC, Ping(unix_nanoseconds=time)]
    answers = said(client_schema.PREAMBLE + session.data_to_send())
    assert answers == [Pong(ping_unix_nanoseconds=time)]


def test_what_known_clients_ignore_is_ignored() -> None:
    """An empty envelope among others."""
    session = streaming()
    assert session.receive(bytes.fromhex("03ff8200") + schema.status(2)) == [IN_SYNC]


def test_an_end_inside_a_message_is_told_from_one_between() -> None:
    """In plain streams and in chunks."""
    session = streaming()
    session.receive(schema.status(2)[:-1])
    assert not session.end_of_input()
    session = streaming()
    session.receive(RESTART + snappy.STREAM_IDENTIFIER[:-1])
    assert not session.end_of_input()
    assert streaming().end_of_input()


# ---- both sides ----


@given(
    st.sampled_from(["v3.8.9", "v3.24.6", "v3.25.0", "v3.31.3", "v3.32.1"]),
    st.lists(UPDATES, max_size=5),
    st.lists(UPDATES, max_size=5),
    st.sampled_from([1, 3, 100_000]),
)
@settings(deadline=None, max_examples=50)
def test_every_generation_hears_what_our_server_says(
    version: str, first: list[SerializedUpdate], later: list[SerializedUpdate], step: int
) -> None:
    """The same updates in the same order, on whichever way it is served."""
    asking = ClientSession(generations.hello(version=version))
    serving = Shell(elements(first), largest_batch=2)
    heard: list[Message] = []

    def deliver(data: bytes) -> None:
        for start in range(0, len(data), step):
            heard.extend(asking.receive(data[start : start + step]))

    while spoken := asking.data_to_send():
        deliver(serving.receive(spoken))
    deliver(serving.deltas(elements(later)) + serving.ping(7))
    serving.receive(asking.data_to_send())

    updates = [u for message in heard if isinstance(message, KVs) for u in message.updates]
    assert updates == first + later
    assert isinstance(heard[0], ServerHello)
    assert heard.count(IN_SYNC) == 1
    restarts = [message for message in heard if isinstance(message, DecoderRestart)]
    assert len(restarts) == (2 if version in ("v3.25.0", "v3.31.3", "v3.32.1") else 0)
    assert serving.streaming
    assert serving.pongs == [7]


@given(st.data())
@settings(deadline=None)
def test_a_damaged_stream_raises_nothing_but_errors_of_the_peer(data: st.DataObject) -> None:
    """One byte of a recorded server's stream is changed."""
    path = data.draw(st.sampled_from(["v3.32.1/deltas", "v3.9.0/deltas"]))
    damaged = bytearray(recordings.named(path).sent_by_server)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    session = ClientSession(generations.hello())
    try:
        session.receive(bytes(damaged))
    except PeerError:
        assert session.state is State.CLOSED
