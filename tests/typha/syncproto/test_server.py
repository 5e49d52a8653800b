"""The server's side: recorded clients, every pair of state and input, hostile bytes.

One module, for the recordings, the table and the hostile bytes change with one state machine.
"""

import base64
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests import recordings
from tests.recordings import Recording
from typha.gob import varint
from typha.gob.values import Limits
from typha.syncproto import client_schema, generations, schema, server
from typha.syncproto.errors import HelloError, PeerError, UnexpectedMessageError, UsageError
from typha.syncproto.events import Event, HelloAccepted, Ponged, SnapshotWanted, Streaming
from typha.syncproto.messages import (
    Ack,
    ClientHello,
    Codec,
    DecoderRestart,
    Dialect,
    Pong,
    ServerHello,
    SyncerType,
)
from typha.syncproto.parsing import MessageReader
from typha.syncproto.server import NEXT, Input, ServerSession, State
from typha.telemetry.closing import CloseReason

MODERN = generations.hello(hostname="node-1", connection_id=7)
PLAIN = generations.hello(version="v3.24.6")
EMPTY_ENVELOPE = bytes.fromhex("03ff8200")


def session(*, refuse_legacy: bool = False) -> ServerSession:
    """Return a fresh session."""
    return ServerSession(version="v9", connection_id=42, refuse_legacy=refuse_legacy)


def serve(
    data: bytes, step: int, *, refuse_legacy: bool = False
) -> tuple[list[Event], CloseReason]:
    """Play the shell for a client that sends these bytes; return the events and the ending."""
    serving = session(refuse_legacy=refuse_legacy)
    events: list[Event] = []
    try:
        for start in range(0, len(data), step):
            happened = serving.receive(data[start : start + step])
            events += happened
            if SnapshotWanted() in happened:
                events += serving.snapshot_sent()
    except PeerError as error:
        return events, error.reason
    return events, serving.end_of_input()


# ---- recorded clients ----

REFUSED = {
    "v3.32.1/raw-client-sends-kvs": CloseReason.UNEXPECTED_MESSAGE,
    "v3.32.1/raw-client-sends-nil": CloseReason.UNEXPECTED_MESSAGE,
    "v3.32.1/raw-client-sends-ping": CloseReason.UNEXPECTED_MESSAGE,
    "v3.32.1/raw-first-message-nil": CloseReason.NO_HELLO,
    "v3.32.1/raw-first-message-ping": CloseReason.NO_HELLO,
    "v3.32.1/raw-pong-instead-of-ack": CloseReason.UNEXPECTED_MESSAGE,
    "v3.32.1/raw-second-hello": CloseReason.UNEXPECTED_MESSAGE,
    "v3.32.1/raw-unsolicited-ack": CloseReason.UNEXPECTED_MESSAGE,
    # 27 bytes of a request whose first letter announces 71: no message yet.
    "v3.32.1/raw-first-garbage": CloseReason.CONNECTION_LOST,
}


def ending(recording: Recording) -> CloseReason:
    """Return how a recorded client ends with us: as it did with Go, but old ones are served."""
    if recording.path.endswith("type-unsupported"):
        return CloseReason.UNKNOWN_SYNCER
    return REFUSED.get(recording.path, CloseReason.CLIENT_LEFT)


@pytest.mark.golden
@pytest.mark.parametrize("recording", recordings.all_of_them(), ids=lambda r: r.path)
def test_a_recorded_client_meets_the_fate_it_met(recording: Recording) -> None:
    """However its bytes arrive, with the same reading of what it said."""
    sent = recording.messages_of_client()
    data = recording.sent_by_client
    events, reason = serve(data, step=23)  # no piece is longer than an ACK
    assert serve(data, step=1)[1] is reason is ending(recording)
    if reason is not CloseReason.CLIENT_LEFT or not sent:
        return
    accepted, *rest = events
    assert isinstance(accepted, HelloAccepted)
    assert accepted.hello == sent[0]
    served = SnapshotWanted() in rest, Streaming() in rest
    acks = sent.count(Ack())
    assert served == ((acks > 0, acks > 1) if accepted.restarts else (True, True))
    answered = [m.ping_unix_nanoseconds for m in sent if isinstance(m, Pong)]
    assert [e.unix_nanoseconds for e in rest if isinstance(e, Ponged)] == answered


@pytest.mark.golden
def test_refusing_legacy_clients_refuses_whom_the_original_refuses() -> None:
    """The v3.32.1 server sent nothing at all to exactly these."""
    of_newest = [r for r in recordings.all_of_them() if r.server == "v3.32.1" and r.sent_by_client]
    for recording in of_newest:
        events, reason = serve(recording.sent_by_client, 1, refuse_legacy=True)
        was_accepted = bool(recording.sent_by_server)
        assert any(isinstance(event, HelloAccepted) for event in events) is was_accepted
        if not was_accepted and ending(recording) is CloseReason.CLIENT_LEFT:
            assert reason is CloseReason.LEGACY_CLIENT_REFUSED
    assert len(of_newest) > 30


# ---- what a hello decides ----


@pytest.mark.parametrize(
    ("hello", "codec", "dialect"),
    [
        (generations.hello(version="v3.2.0"), Codec.PLAIN, Dialect.LEGACY),
        (generations.hello(version="v3.24.6"), Codec.PLAIN, Dialect.LEGACY),
        (generations.hello(version="v3.28.5"), Codec.SNAPPY, Dialect.LEGACY),
        (generations.hello(version="v3.29.1"), Codec.SNAPPY, Dialect.V3_29),
        (generations.hello(version="v3.31.3"), Codec.SNAPPY, Dialect.V3_30),
        (generations.hello(version="v3.32.1"), Codec.SNAPPY, Dialect.MODERN),
    ],
)
def test_every_generation_is_served_in_its_own_way(
    hello: ClientHello, codec: Codec, dialect: Dialect
) -> None:
    """Compression and spelling of keys; the syncer is felix where none is named."""
    accepted = server.accept(hello, refuse_legacy=False)
    assert (accepted.codec, accepted.dialect) == (codec, dialect)
    assert accepted.syncer is SyncerType.FELIX
    assert accepted.restarts is (codec is Codec.SNAPPY)


@pytest.mark.parametrize(
    ("restart", "algorithms", "codec"),
    [
        (True, (), Codec.PLAIN),
        (False, ("snappy",), Codec.PLAIN),
        (True, ("zstd",), Codec.PLAIN),
        (True, ("zstd", "snappy"), Codec.SNAPPY),
    ],
)
def test_compression_needs_both_snappy_and_a_restart(
    restart: bool,  # noqa: FBT001 - a parameter of the table
    algorithms: tuple[str, ...],
    codec: Codec,
) -> None:
    """As the original decides it."""
    hello = ClientHello(supports_decoder_restart=restart, compression_algorithms=algorithms)
    assert server.accept(hello, refuse_legacy=False).codec is codec


def test_an_unknown_syncer_is_refused_before_old_keys_are() -> None:
    """The reason in the log is the more useful one."""
    with pytest.raises(HelloError, match="no-such") as caught:
        server.accept(ClientHello(syncer_type="no-such"), refuse_legacy=True)
    assert caught.value.reason is CloseReason.UNKNOWN_SYNCER


def test_what_a_client_says_of_itself_is_kept_only_in_part() -> None:
    """It may say a megabyte."""
    hello = ClientHello(
        hostname="h" * 10**6,
        info="i" * 10**6,
        version="v" * 10**6,
        compression_algorithms=("x" * 10**6,) * 20,
    )
    kept = server.accept(hello, refuse_legacy=False).hello
    assert len(repr(kept)) < 20_000
    assert kept.hostname == "h" * server.MAX_TEXT


def test_what_a_client_says_of_itself_can_be_shown() -> None:
    """Go's strings are any bytes; JSON, labels and logs are not."""
    odd = "x\udcff\udc80y"
    hello = ClientHello(hostname=odd, info=odd, version=odd, compression_algorithms=(odd,))
    kept = server.accept(hello, refuse_legacy=False).hello
    shown = "x\ufffd\ufffdy"
    assert (kept.hostname, kept.info, kept.version) == (shown,) * 3
    assert kept.compression_algorithms == (shown,)


def test_the_answer_to_a_hello_names_server_and_stream() -> None:
    """And ends with a restart where compression follows."""
    serving = session()
    serving.receive(client_schema.hello(generations.hello(SyncerType.BGP)))
    reader = MessageReader()
    answer = serving.data_to_send()
    reader.feed(answer)
    assert answer.startswith(schema.PREAMBLE)
    assert list(reader.messages()) == [
        ServerHello(
            version="v9",
            syncer_type="bgp",
            supports_node_resource_updates=True,
            connection_id=42,
        ),
        DecoderRestart(message=server.RESTART_TEXT, compression_algorithm="snappy"),
    ]
    assert serving.data_to_send() == b""


# ---- every pair of state and input ----

DEFINITIONS = client_schema.PREAMBLE
HELLO_WITHOUT_DEFINITIONS = {
    Input.HELLO: client_schema.hello(PLAIN).removeprefix(DEFINITIONS),
    Input.RESTARTING_HELLO: client_schema.hello(MODERN).removeprefix(DEFINITIONS),
}
MESSAGES = {
    **HELLO_WITHOUT_DEFINITIONS,
    Input.ACK: client_schema.ack(),
    Input.PONG: client_schema.pong(1),
    Input.UNASKED_PONG: client_schema.pong(2),
    Input.OTHER: EMPTY_ENVELOPE,
}
SHELL: dict[Input, Callable[[ServerSession], object]] = {
    Input.SNAPSHOT_SENT: ServerSession.snapshot_sent,
    Input.PING_SENT: ServerSession.ping_sent,
}
WAYS = {
    State.HELLO: [],
    State.RESTARTING: [Input.RESTARTING_HELLO],
    State.SNAPSHOT: [Input.RESTARTING_HELLO, Input.ACK],
    State.FINISHING: [Input.RESTARTING_HELLO, Input.ACK, Input.SNAPSHOT_SENT],
    State.PLAIN_SNAPSHOT: [Input.HELLO],
    State.STREAMING: [Input.RESTARTING_HELLO, Input.ACK, Input.SNAPSHOT_SENT, Input.ACK],
    State.CLOSED: [Input.OTHER],
}


def happen(serving: ServerSession, what: Input) -> None:
    """Make one thing happen to a session."""
    if what in SHELL:
        SHELL[what](serving)
    else:
        serving.receive(MESSAGES[what])


def session_in(state: State, pings: int) -> ServerSession:
    """Return a session that has come to a state, with so many pings unanswered."""
    serving = session()
    serving.receive(DEFINITIONS)
    for what in WAYS[state][:-1]:
        happen(serving, what)
    if state is State.CLOSED:
        with pytest.raises(PeerError):
            happen(serving, WAYS[state][-1])
    elif WAYS[state]:
        happen(serving, WAYS[state][-1])
    assert serving.state is state
    if pings:
        serving._pings = pings
    return serving


def test_the_table_leads_everywhere() -> None:
    """No state is unreachable but CLOSED, which errors lead to."""
    assert {*NEXT.values(), State.HELLO, State.CLOSED} == set(State)
    assert set(MESSAGES) | set(SHELL) == set(Input)


@pytest.mark.parametrize(
    ("state", "what"), list(itertools.product(State, Input)), ids=lambda value: value.name
)
def test_every_input_in_every_state_is_legal_or_the_documented_error(
    state: State, what: Input
) -> None:
    """A legal one leads where the table says; a peer's closes; the shell's changes nothing."""
    serving = session_in(state, pings=1 if what is Input.PONG else 0)
    expected = NEXT.get((state, what))
    if expected is not None:
        happen(serving, what)
        assert serving.state is expected
    elif what in SHELL or state is State.CLOSED:
        with pytest.raises(UsageError):
            happen(serving, what)
        assert serving.state is state
    else:
        kind = HelloError if state is State.HELLO else UnexpectedMessageError
        with pytest.raises(kind):
            happen(serving, what)
        assert serving.state is State.CLOSED


@given(st.lists(st.sampled_from(list(Input)), max_size=12))
@settings(deadline=None)
def test_any_walk_stays_on_the_table(walk: list[Input]) -> None:
    """With pings counted: a pong is an answer only while one is out."""
    serving = session()
    serving.receive(DEFINITIONS)
    state, pings = State.HELLO, 0
    for what in walk:
        if what in (Input.PONG, Input.UNASKED_PONG):
            what = Input.PONG if pings else Input.UNASKED_PONG  # noqa: PLW2901
        expected = NEXT.get((state, what))
        if expected is None:
            with pytest.raises((PeerError, UsageError)):
                happen(serving, what)
            break
        happen(serving, what)
        pings += (what is Input.PING_SENT) - (what is Input.PONG)
        state = expected
        assert serving.state is state


def test_events_follow_the_states() -> None:
    """A client of today, pinged during its snapshot and while it installs its decoder."""
    serving = session()
    (accepted,) = serving.receive(client_schema.hello(MODERN))
    assert isinstance(accepted, HelloAccepted)
    assert serving.receive(client_schema.ack()) == [SnapshotWanted()]
    serving.ping_sent()
    serving.ping_sent()
    assert serving.receive(client_schema.pong(5)) == [Ponged(unix_nanoseconds=5)]
    assert serving.snapshot_sent() == []
    assert serving.receive(client_schema.pong(6)) == [Ponged(unix_nanoseconds=6)]
    assert serving.receive(client_schema.ack()) == [Streaming()]
    assert serving.receive(client_schema.pong(7)) == [Ponged(unix_nanoseconds=7)]


def test_an_old_client_is_pinged_during_its_snapshot_too() -> None:
    """A large one takes longer than a silent client is waited for."""
    serving = session()
    assert SnapshotWanted() in serving.receive(client_schema.hello(PLAIN))
    serving.ping_sent()
    assert serving.receive(client_schema.pong(5)) == [Ponged(unix_nanoseconds=5)]
    assert serving.snapshot_sent() == [Streaming()]


def test_a_client_may_send_ahead_what_it_is_sure_of() -> None:
    """Its ACK of the first restart can be in the same segment as its hello."""
    events = session().receive(client_schema.hello(MODERN) + client_schema.ack())
    assert [type(event) for event in events] == [HelloAccepted, SnapshotWanted]


# ---- hostility ----


def test_a_message_over_the_limit_is_refused_at_its_length() -> None:
    """Before and after the hello; one byte less would be waited for."""
    for opening in (b"", client_schema.hello(PLAIN)):
        serving = session()
        serving.receive(opening + varint.encode_uint(server.MAX_MESSAGE_BYTES))
        serving = session()
        with pytest.raises(PeerError) as caught:
            serving.receive(opening + varint.encode_uint(server.MAX_MESSAGE_BYTES + 1))
        assert caught.value.reason is CloseReason.MESSAGE_TOO_LARGE
        assert serving.state is State.CLOSED


OTHER_PROTOCOLS = {
    "http": b"GET / HTTP/1.1\r\nHost: typha:5473\r\nUser-Agent: curl/8.5.0-debian\r\n"
    b"Accept: */*\r\n\r\n",
    "tls": bytes.fromhex("160301020001") + b"\0" * 600,
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n" * 8,
    "ones": b"\xff" * 300,
    "zeros": b"\0" * 300,
}


@pytest.mark.parametrize("data", OTHER_PROTOCOLS.values(), ids=OTHER_PROTOCOLS.keys())
def test_other_protocols_are_undecodable(data: bytes) -> None:
    """As soon as what they seem to announce is complete."""
    for step in (1, len(data)):
        assert serve(data, step)[1] is CloseReason.UNDECODABLE


@given(st.data())
@settings(deadline=None)
def test_a_damaged_hello_raises_nothing_but_errors_of_the_peer(data: st.DataObject) -> None:
    """One byte of a real client's opening is changed."""
    damaged = bytearray(recordings.named("v3.32.1/ping-pong").sent_by_client)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    _, reason = serve(bytes(damaged), data.draw(st.sampled_from([1, 50, 2000])))
    assert isinstance(reason, CloseReason)


def outcome(pieces: list[bytes]) -> tuple[list[Event], str]:
    """Return what pieces mean to a fresh session: what ends it, or else all that happened."""
    serving = session()
    events: list[Event] = []
    try:
        for piece in pieces:
            events += serving.receive(piece)
    except PeerError as error:
        return [], f"{error.reason}: {error}"
    return events, str(serving.end_of_input())


@given(st.data())
@settings(deadline=None)
def test_where_the_bytes_are_cut_carries_no_meaning(data: st.DataObject) -> None:
    """Of a client of any generation, with a byte damaged or none, and whatever it says next."""
    version = data.draw(st.sampled_from(["v3.8.9", "v3.24.6", "v3.28.5", "v3.32.1"]))
    said = bytearray(client_schema.hello(generations.hello(version=version, hostname="n" * 20)))
    for _ in range(data.draw(st.integers(0, 4))):
        said += data.draw(st.sampled_from([client_schema.pong(1), client_schema.ack(), b"\3"]))
    if data.draw(st.booleans()):
        said[data.draw(st.integers(0, len(said) - 1))] = data.draw(st.integers(0, 255))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(said) - 1), max_size=6)))
    pieces = [bytes(said[a:b]) for a, b in itertools.pairwise([0, *cuts, len(said)])]
    each = [bytes([byte]) for byte in said]
    assert outcome([bytes(said)]) == outcome(pieces) == outcome(each)


def test_pongs_nobody_asked_for_are_taken_in_moderation() -> None:
    """The original takes any number; each costs time, and a ping of ours starts the count anew."""
    serving = session_in(State.STREAMING, pings=0)
    few = client_schema.pong(1) * server.MAX_UNASKED_PONGS
    serving.receive(few)
    serving.ping_sent()
    serving.receive(client_schema.pong(1) + few)
    with pytest.raises(UnexpectedMessageError, match="101 pongs without a ping"):
        serving.receive(client_schema.pong(1))


@given(st.data())
def test_pongs_are_told_by_their_looks_as_they_would_be_decoded(data: st.DataObject) -> None:
    """Whole or in pieces, as before or damaged, a pong means or ends the same."""
    pong = bytearray(client_schema.pong(1_700_000_000_000_000_001))
    if data.draw(st.booleans()):
        pong[data.draw(st.integers(0, len(pong) - 1))] = data.draw(st.integers(0, 255))
    hurried, thorough = session_in(State.STREAMING, pings=3), session_in(State.STREAMING, pings=3)
    for serving in (hurried, thorough):
        serving.receive(client_schema.pong(1_600_000_000_000_000_000))
    assert told(hurried, bytes(pong), len(pong)) == told(thorough, bytes(pong), 1)


def told(serving: ServerSession, data: bytes, step: int) -> tuple[list[Event], str]:
    """Return what pieces of so many bytes mean, and how they end the session."""
    events: list[Event] = []
    try:
        for start in range(0, len(data), step):
            events += serving.receive(data[start : start + step])
    except PeerError as error:
        return events, str(error)
    return events, str(serving.end_of_input())


def reader_of(vector: dict[str, Any]) -> MessageReader:
    """Return a reader that has read a first message of this kind, which defines its type."""
    reader = MessageReader(Limits())  # what others have been told is of no use here
    reader.feed(base64.b64decode(vector["fresh_b64"]))
    assert len(list(reader.messages())) == 1
    return reader


@pytest.mark.golden
@pytest.mark.parametrize(
    ("name", "known"), [("MsgACK", Ack), ("MsgPong ping only", Pong), ("MsgPong both", None)]
)
def test_what_real_clients_repeat_is_told_by_its_looks(name: str, known: type | None) -> None:
    """Once it has been read without definitions."""
    (vector,) = [v for v in recordings.gob_vectors()["messages"] if v["name"] == name]
    reader = reader_of(vector)
    again = base64.b64decode(vector["again_b64"])
    assert reader.routine(again) is None
    reader.feed(again)
    (message,) = reader.messages()
    assert reader.routine(again) == (message if known else None)
    assert known is None or isinstance(message, known)
    assert reader.routine(again + again) is None
    reader.feed(again[:1])
    assert reader.routine(again[1:]) is None


@pytest.mark.golden
@pytest.mark.parametrize("name", ["MsgACK", "MsgPong ping only"])
def test_one_client_s_looks_are_another_s_if_both_define_the_same(name: str) -> None:
    """As all of a release do."""
    (vector,) = [v for v in recordings.gob_vectors()["messages"] if v["name"] == name]
    again = base64.b64decode(vector["again_b64"])
    limits = Limits()
    one, other = MessageReader(limits), MessageReader(limits)
    for reader in (one, other):
        reader.feed(base64.b64decode(vector["fresh_b64"]))
        assert len(list(reader.messages())) == 1
    assert other.routine(again) is None
    one.feed(again)
    (message,) = one.messages()
    assert other.routine(again) == message


def test_leaving_in_the_middle_of_a_message_is_a_loss() -> None:
    """Leaving between messages is the client's right."""
    serving = session()
    serving.receive(client_schema.hello(PLAIN)[:-1])
    assert serving.end_of_input() is CloseReason.CONNECTION_LOST
    serving = session()
    serving.receive(client_schema.hello(PLAIN))
    assert serving.end_of_input() is CloseReason.CLIENT_LEFT
    with pytest.raises(UsageError):
        serving.receive(b"")
