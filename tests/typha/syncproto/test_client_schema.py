"""The client's messages under our own ids."""

from hypothesis import given, settings, strategies as st

from typha.syncproto import client_schema
from typha.syncproto.messages import ZERO_TIME, Ack, ClientHello, Message, Pong
from typha.syncproto.parsing import MessageReader

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
HELLOS = st.builds(
    ClientHello,
    hostname=TEXT,
    info=TEXT,
    version=TEXT,
    syncer_type=TEXT,
    supports_decoder_restart=st.booleans(),
    compression_algorithms=st.lists(TEXT, max_size=3).map(tuple),
    supports_modern_policy_keys=st.booleans(),
    connection_id=st.integers(0, 2**64 - 1),
)


def read(data: bytes) -> list[Message | None]:
    """Return the messages of a stream."""
    reader = MessageReader()
    reader.feed(data)
    return list(reader.messages())


@given(HELLOS)
@settings(deadline=None)
def test_a_hello_comes_back(hello: ClientHello) -> None:
    """Every field, and it brings the definitions of all that follows."""
    assert read(client_schema.hello(hello)) == [hello]


def test_acks_and_pongs_follow_the_hello() -> None:
    """Without further definitions; a pong carries the ping's time only, as real ones do."""
    stream = client_schema.hello(ClientHello()) + client_schema.ack()
    stream += client_schema.pong(1_700_000_000_123_456_789) + client_schema.pong(ZERO_TIME)
    pong = Pong(ping_unix_nanoseconds=1_700_000_000_123_456_789)
    assert read(stream) == [ClientHello(), Ack(), pong, Pong()]
