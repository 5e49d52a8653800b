"""The messages of etcd, against bytes that etcd 3.4.23 sent (tests/data/etcd/recorded.json)."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from typha.datastore.etcd import codec, protobuf

RECORDED = {
    name: bytes.fromhex(text)
    for name, text in json.loads(
        (Path(__file__).parents[3] / "data/etcd/recorded.json").read_bytes()
    ).items()
}
CLUSTER = 14841639068965178418
LEADER = 10276657743932975437
A, B = b"/calico/x/a", b"/calico/x/b"
DECODERS = (codec.page, codec.watch_response, codec.status, codec.token, codec.succeeded)


def header(revision: int) -> codec.Header:
    """Return the header that the recorded member sent at a revision."""
    return codec.Header(CLUSTER, revision, raft_term=2)


def answer(
    revision: int,
    *changes: codec.Change,
    watch_id: int = 0,
    created: bool = False,
    canceled: bool = False,
    compacted: int = 0,
) -> codec.WatchResponse:
    """Return a whole watch response."""
    return codec.WatchResponse(
        header=header(revision),
        watch_id=watch_id,
        created=created,
        canceled=canceled,
        compact_revision=compacted,
        cancel_reason="",
        fragment=False,
        changes=list(changes),
    )


def put(key: bytes, value: bytes, revision: int) -> codec.Change:
    """Return one event."""
    return codec.Change(deleted=False, entry=codec.Entry(key, value, revision))


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("page-first", codec.Page(header(4), [codec.Entry(A, b"two", 3)], more=True)),
        (
            "page-all",
            codec.Page(header(4), [codec.Entry(A, b"two", 3), codec.Entry(B, b"", 4)], more=False),
        ),
        ("page-empty", codec.Page(header(4), [], more=False)),
    ],
)
def test_pages_are_read(name: str, page: codec.Page) -> None:
    """With limit and without, and of a prefix that holds nothing."""
    assert codec.page(RECORDED[name]) == page


@pytest.mark.parametrize(
    ("name", "response"),
    [
        ("watch-created", answer(4, created=True)),
        ("watch-replay", answer(4, put(A, b"one", 2), put(A, b"two", 3), put(B, b"", 4))),
        (
            "watch-delete",
            answer(5, codec.Change(deleted=True, entry=codec.Entry(B, b"", 5))),
        ),
        ("watch-progress", answer(5, watch_id=codec.PROGRESS_WATCH_ID)),
        ("watch-compacted", answer(0, watch_id=1, canceled=True, compacted=4)),
        ("watch-canceled", answer(5, canceled=True)),
    ],
)
def test_watch_responses_are_read(name: str, response: codec.WatchResponse) -> None:
    """Every kind of message that a stream carries."""
    assert codec.watch_response(RECORDED[name]) == response


@pytest.mark.parametrize(
    ("name", "held"), [("txn-created", True), ("txn-refused", False), ("txn-replaced", True)]
)
def test_the_outcome_of_a_conditional_write_is_read(name: str, *, held: bool) -> None:
    """Created; refused since it exists; replaced at the revision it had."""
    assert codec.succeeded(RECORDED[name]) is held


def test_a_member_names_its_version_and_its_leader() -> None:
    """In the answer to a status request."""
    assert codec.status(RECORDED["status"]) == codec.Status(header(4), "3.4.23", LEADER)


def test_requests_are_written_as_the_api_defines_them() -> None:
    """Field by field of rpc.proto; these bytes are what the recorded etcd was asked."""
    prefix, end = b"/calico/x/", b"/calico/x0"
    assert codec.end_of(prefix) == end
    listed = protobuf.parse(codec.range_request(prefix, end, limit=500, revision=7))
    assert listed.bodies == {1: prefix, 2: end}
    assert listed.numbers == {3: 500, 4: 7}
    watch = protobuf.parse(protobuf.parse(codec.watch_create(prefix, 8)).bodies[1])
    assert watch.bodies == {1: prefix, 2: end}
    assert watch.numbers == {3: 8, 4: 1, 8: 1}
    assert codec.watch_progress() == b"\x1a\x00"
    assert codec.watch_cancel(3) == b"\x12\x02\x08\x03"
    assert codec.authenticate_request("u", "p") == b"\x0a\x01u\x12\x01p"


def test_a_write_is_conditional_on_the_revision_that_was_read() -> None:
    """Compare MOD = revision, then put; no revision at all means that the key must not exist."""
    txn = protobuf.parse(codec.put_unless_changed(A, b"v", 3))
    assert protobuf.parse(txn.bodies[1]) == protobuf.Message({2: 2, 6: 3}, {3: A}, [])
    put_request = protobuf.parse(txn.bodies[2]).bodies[2]
    assert protobuf.parse(put_request).bodies == {1: A, 2: b"v"}
    absent = protobuf.parse(codec.put_unless_changed(A, b"v", 0))
    assert protobuf.parse(absent.bodies[1]) == protobuf.Message({2: 2}, {3: A}, [])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.builds(
            codec.Change,
            st.booleans(),
            st.builds(
                codec.Entry, st.binary(), st.binary(), st.integers(-(1 << 63), (1 << 63) - 1)
            ),
        )
    ),
    st.integers(0, 1),
)
def test_any_changes_are_read_in_their_order(changes: list[codec.Change], fragment: int) -> None:
    """Keys and values are any bytes."""
    events = b"".join(
        protobuf.message(
            11,
            protobuf.field(1, int(change.deleted))
            + protobuf.message(
                2,
                protobuf.field(1, change.entry.key)
                + protobuf.field(3, change.entry.mod_revision)
                + protobuf.field(5, change.entry.value),
            ),
        )
        for change in changes
    )
    response = codec.watch_response(protobuf.field(7, fragment) + events)
    assert response.changes == changes
    assert response.fragment is bool(fragment)


def test_a_reason_for_canceling_is_kept() -> None:
    """It is all that a refusal is explained with."""
    refusal = protobuf.field(2, -1) + protobuf.field(4, 1) + protobuf.field(6, b"no permission")
    response = codec.watch_response(refusal)
    assert (response.watch_id, response.canceled) == (-1, True)
    assert response.cancel_reason == "no permission"


def test_a_page_without_a_revision_is_no_empty_list() -> None:
    """Etcd always says one; an empty message from somebody else would have all deleted."""
    with pytest.raises(protobuf.ProtobufError, match="no revision"):
        codec.page(b"")


def test_a_token_is_read() -> None:
    """From the answer to an authentication."""
    assert codec.token(protobuf.field(2, b"abc.1")) == "abc.1"


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("decode", DECODERS)
def test_a_cut_message_raises_nothing_but_the_documented_error(name: str, decode: object) -> None:
    """At every length: a message may end early between two fields, but no decoder breaks."""
    assert callable(decode)
    for length in range(len(RECORDED[name])):
        try:
            decode(RECORDED[name][:length])
        except protobuf.ProtobufError:
            continue


@pytest.mark.parametrize("decode", DECODERS)
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_raise_nothing_but_the_documented_error(decode: object, data: bytes) -> None:
    """Whatever a peer sends."""
    assert callable(decode)
    try:
        decode(data)
    except protobuf.ProtobufError:
        return
