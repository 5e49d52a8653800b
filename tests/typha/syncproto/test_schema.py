"""The server's messages: Go's bytes for elements, our own ids around them."""

import base64
import contextlib

import pytest
from hypothesis import given, settings, strategies as st

from tests import recordings
from tests.typha.syncproto.updates import OUR_UPDATES, UPDATES
from typha.gob.encoder import Encoder
from typha.gob.types import Interface
from typha.syncproto import schema
from typha.syncproto.errors import CorruptElementsError
from typha.syncproto.messages import (
    Codec,
    DecoderRestart,
    KVs,
    Message,
    Ping,
    SerializedUpdate,
    ServerHello,
    SyncerType,
    SyncStatusMessage,
    UpdateType,
)
from typha.syncproto.parsing import MessageReader


def encoded(update: SerializedUpdate) -> bytes:
    """Return the element of an update."""
    return schema.element(
        update.key,
        update.value,
        update.revision,
        update.v3_resource_version,
        update.update_type,
        ttl=update.ttl_nanoseconds,
    )


def read(data: bytes) -> list[Message | None]:
    """Return the messages of a stream that begins with our preamble."""
    reader = MessageReader()
    reader.feed(schema.PREAMBLE + data)
    return list(reader.messages())


def test_the_preamble_is_the_proven_one() -> None:
    """Nine definitions, 487 bytes, ids 65 to 73; every client from v3.8 on takes it."""
    assert len(schema.PREAMBLE) == 487
    assert list(schema.DEFINITIONS) == list(range(65, 74))
    assert read(b"") == []


@pytest.mark.golden
def test_elements_have_go_s_bytes() -> None:
    """Every vector whose revision is text, as all revisions of servers are."""
    checked = 0
    for vector in recordings.gob_vectors()["elements"]:
        revision = vector["value"]["Revision"]
        if (revision and revision["go_type"] != "string") or "UTF-8" in vector["name"]:
            continue
        update = recordings.update_from(vector["value"])
        assert encoded(update).hex() == vector["element_hex"], vector["name"]
        checked += 1
    assert checked > 40


@pytest.mark.golden
@pytest.mark.parametrize(
    "path",
    [
        "v3.21.6/snapshot-2500",
        "v3.24.6/deltas",
        "v3.28.5/no-decoder-restart",
        "v3.32.1/no-decoder-restart",
        "v3.32.1/no-decoder-restart-2500",
    ],
)
def test_elements_of_recorded_servers_are_ours_to_the_byte(path: str) -> None:
    """Joined, they stand just so in what each Go server sent."""
    recording = recordings.named(path)
    batches = [m.updates for m in recording.messages_of_server() if isinstance(m, KVs)]
    assert batches
    for updates in batches:
        assert b"".join(map(encoded, updates)) in recording.sent_by_server


@given(UPDATES)
@settings(deadline=None)
def test_the_fast_way_gives_what_the_general_encoder_gives(update: SerializedUpdate) -> None:
    """Whatever combination of fields is set, and however long they are."""
    revision = update.revision
    fields = {
        "Key": update.key,
        "Value": update.value,
        "Revision": None if revision is None else Interface("string", 6, revision),
        "V3ResourceVersion": update.v3_resource_version,
        "TTL": update.ttl_nanoseconds,
        "UpdateType": update.update_type,
    }
    general = Encoder(schema.DEFINITIONS).payload(schema.UPDATE, fields)
    assert encoded(update) == general


@given(st.lists(UPDATES, max_size=5))
@settings(deadline=None)
def test_a_batch_comes_back_as_one_message(updates: list[SerializedUpdate]) -> None:
    """Joined from elements, in order; an empty batch is legal too."""
    expected = KVs(updates=tuple(updates))
    assert read(schema.kvs([encoded(update) for update in updates])) == [expected]


@given(OUR_UPDATES, OUR_UPDATES)
@settings(deadline=None)
def test_a_head_belongs_to_the_elements_with_its_key_and_value(
    one: SerializedUpdate, other: SerializedUpdate
) -> None:
    """And to no others, not even when one value is the beginning of another or there is none."""
    same = (one.key, one.value) == (other.key, other.value)
    assert encoded(one).startswith(schema.element_head(one.key, one.value))
    assert encoded(one).startswith(schema.element_head(other.key, other.value)) is same
    absent = schema.element_head(one.key, None)
    assert encoded(one).startswith(absent) is (one.value is None)
    longer = schema.element_head(one.key, (one.value or b"") + b"x")
    assert not encoded(one).startswith(longer)


def test_an_empty_value_is_as_good_as_none() -> None:
    """On the wire there is no difference, so there is none in the head either."""
    assert schema.element_head("/k", b"") == schema.element_head("/k", None)
    assert schema.element("/k", b"", "1", "", 1) == schema.element("/k", None, "1", "", 1)


@given(OUR_UPDATES, st.sampled_from([UpdateType.NEW, UpdateType.UPDATED, UpdateType.DELETED]))
@settings(deadline=None)
def test_the_type_of_an_element_can_be_replaced(
    update: SerializedUpdate, update_type: UpdateType
) -> None:
    """The same bytes as encoding it anew."""
    head = (update.key, update.value, update.revision, update.v3_resource_version)
    new = schema.element(*head, UpdateType.NEW)
    assert schema.with_update_type(new, update_type) == schema.element(*head, update_type)


@given(st.lists(UPDATES, max_size=5))
@settings(deadline=None)
def test_scanning_finds_the_elements_that_were_joined(updates: list[SerializedUpdate]) -> None:
    """Keys, exact bytes, and whether there is a value."""
    elements = [encoded(update) for update in updates]
    expected = [
        (update.key, element, update.value is not None)
        for update, element in zip(updates, elements, strict=True)
    ]
    assert list(schema.scan(b"".join(elements))) == expected


@given(OUR_UPDATES, st.data())
@settings(deadline=None)
def test_elements_cut_short_are_noticed(update: SerializedUpdate, data: st.DataObject) -> None:
    """Wherever the cut is; the elements before it are found all the same."""
    whole = encoded(update)
    cut = data.draw(st.integers(1, len(whole) - 1))
    found = schema.scan(whole + whole[:cut])
    assert next(found).element == whole
    with pytest.raises(CorruptElementsError, match=f"byte {len(whole)} of"):
        list(found)


@given(OUR_UPDATES, st.data())
@settings(deadline=None)
def test_damaged_elements_raise_nothing_else(
    update: SerializedUpdate, data: st.DataObject
) -> None:
    """A changed byte is either found or lies inside a text."""
    damaged = bytearray(encoded(update) * 2)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CorruptElementsError):
        assert b"".join(found.element for found in schema.scan(bytes(damaged))) == damaged


@pytest.mark.golden
def test_small_messages_mean_what_go_s_mean() -> None:
    """Status, ping, restart and hello, each under our ids."""
    assert read(schema.status(2)) == [SyncStatusMessage(status=2)]
    assert read(schema.status(0)) == [SyncStatusMessage(status=0)]
    time = 1_714_979_289_123_456_789
    assert read(schema.ping(time)) == [Ping(unix_nanoseconds=time)]
    restart = DecoderRestart(message="because", compression_algorithm="snappy")
    assert read(schema.decoder_restart("because", Codec.SNAPPY)) == [restart]
    hello = ServerHello(
        version="v9",
        syncer_type="bgp",
        supports_node_resource_updates=True,
        connection_id=2**64 - 1,
    )
    assert read(schema.server_hello("v9", SyncerType.BGP, 2**64 - 1)) == [hello]


@given(st.text(), st.sampled_from(SyncerType), st.integers(0, 2**64 - 1))
def test_an_answer_to_a_hello_is_what_the_general_encoder_makes(
    version: str, syncer: SyncerType, connection_id: int
) -> None:
    """Whatever of it is kept for the next client."""
    fields = {
        "Version": version,
        "SyncerType": syncer.value,
        "SupportsNodeResourceUpdates": True,
        "ServerConnID": connection_id,
    }
    content = Interface(f"{schema.REGISTERED_PREFIX}MsgServerHello", schema.SERVER_HELLO, fields)
    expected = Encoder(schema.DEFINITIONS).message(schema.ENVELOPE, {"Message": content})
    assert schema.server_hello(version, syncer, connection_id) == expected


@pytest.mark.golden
def test_values_of_go_s_vectors_encode_to_the_same_content() -> None:
    """Behind names and ids, which differ by stream, the bytes of a message are Go's."""
    for vector in recordings.gob_vectors()["messages"]:
        if vector["name"].startswith("MsgKVs n="):
            again = base64.b64decode(vector["again_b64"])
            count = vector["value"]["n"]
            elements = [
                schema.element(f"/calico/v1/config/k{i}", b"v%d" % i, str(i), "", 1)
                for i in range(count)
            ]
            ours = schema.kvs(elements)
            assert ours[-len(b"".join(elements)) - 2 :] == again[-len(b"".join(elements)) - 2 :]
            assert len(ours) == len(again)
