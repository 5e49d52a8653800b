"""The few messages of etcd's v3 API that we speak, as pure functions between values and bytes.

Field numbers are those of etcd's rpc.proto, kv.proto and auth.proto (unchanged since v3.0; watch
fragments and progress requests since v3.4).  Unknown fields are skipped, as protobuf demands.
"""

from typing import Final, NamedTuple

from typha.datastore.etcd import protobuf

RANGE: Final = "/etcdserverpb.KV/Range"
TXN: Final = "/etcdserverpb.KV/Txn"
WATCH: Final = "/etcdserverpb.Watch/Watch"
AUTHENTICATE: Final = "/etcdserverpb.Auth/Authenticate"
STATUS: Final = "/etcdserverpb.Maintenance/Status"

PROGRESS_WATCH_ID: Final = -1  # of answers to a progress request: they speak for every watch


class Header(NamedTuple):
    """Who answered, and at which revision of the whole store."""

    cluster_id: int = 0
    revision: int = 0
    raft_term: int = 0


class Entry(NamedTuple):
    """A key with its value; a deleted key has no value."""

    key: bytes
    value: bytes
    mod_revision: int


class Page(NamedTuple):
    """One answer to a range request; `more` says that keys were left behind its limit."""

    header: Header
    entries: list[Entry]
    more: bool


class Change(NamedTuple):
    """One event of a watch."""

    deleted: bool
    entry: Entry


class WatchResponse(NamedTuple):
    """One message of a watch stream, about one watch; `fragment` says that more of it follows."""

    header: Header
    watch_id: int
    created: bool
    canceled: bool
    compact_revision: int
    cancel_reason: str
    fragment: bool
    changes: list[Change]


class Status(NamedTuple):
    """What one member says of itself; `leader` is 0 while it knows of none."""

    header: Header
    version: str
    leader: int


def end_of(prefix: bytes) -> bytes:
    """Return the first key after all that begin with the prefix, which must not end in 0xFF."""
    return prefix[:-1] + bytes((prefix[-1] + 1,))


def range_request(key: bytes, range_end: bytes, *, limit: int = 0, revision: int = 0) -> bytes:
    """Ask for the keys from `key` until before `range_end`; revision 0 is the latest."""
    return (
        protobuf.field(1, key)
        + protobuf.field(2, range_end)
        + protobuf.field(3, limit)
        + protobuf.field(4, revision)
    )


def page(data: bytes) -> Page:
    """Read the answer to a range request.  Raises ProtobufError."""
    answer = protobuf.parse(data, repeated=2)
    header = _header(answer)
    if not header.revision:  # an empty message, for instance, must not count as an empty list
        raise protobuf.ProtobufError("the answer to a range request has no revision")
    return Page(
        header=header,
        entries=[_entry(body) for body in answer.repeated],
        more=bool(answer.numbers.get(3)),
    )


def put_unless_changed(key: bytes, value: bytes, mod_revision: int) -> bytes:
    """Ask for a write on condition that the key still has this revision; 0: does not exist."""
    equal_mod_revision = (
        protobuf.field(2, 2) + protobuf.field(3, key) + protobuf.field(6, mod_revision)
    )
    put = protobuf.message(2, protobuf.field(1, key) + protobuf.field(2, value))
    return protobuf.message(1, equal_mod_revision) + protobuf.message(2, put)


def succeeded(data: bytes) -> bool:
    """Tell from a transaction's answer whether its condition held."""
    return bool(protobuf.parse(data, repeated=3).numbers.get(2))


def watch_create(prefix: bytes, start_revision: int) -> bytes:
    """Ask for every change below the prefix from a revision on, in fragments, with progress.

    Previous values are not asked for: all that they would tell is in the key.
    """
    create = (
        protobuf.field(1, prefix)
        + protobuf.field(2, end_of(prefix))
        + protobuf.field(3, start_revision)
        + protobuf.field(4, 1)
        + protobuf.field(8, 1)
    )
    return protobuf.message(1, create)


def watch_cancel(watch_id: int) -> bytes:
    """Ask for the end of one watch of the stream."""
    return protobuf.message(2, protobuf.field(1, watch_id))


def watch_progress() -> bytes:
    """Ask how far the stream is; answered with PROGRESS_WATCH_ID."""
    return protobuf.message(3, b"")


def watch_response(data: bytes) -> WatchResponse:
    """Read one message of a watch stream."""
    answer = protobuf.parse(data, repeated=11)
    return WatchResponse(
        header=_header(answer),
        watch_id=answer.signed(2),
        created=bool(answer.numbers.get(3)),
        canceled=bool(answer.numbers.get(4)),
        compact_revision=answer.signed(5),
        cancel_reason=answer.text(6),
        fragment=bool(answer.numbers.get(7)),
        changes=[_change(body) for body in answer.repeated],
    )


def authenticate_request(user: str, password: str) -> bytes:
    """Ask for a token."""
    return protobuf.field(1, user.encode()) + protobuf.field(2, password.encode())


def token(data: bytes) -> str:
    """Read the answer to an authentication."""
    return protobuf.parse(data).text(2)


def status_request() -> bytes:
    """Ask a member for its state."""
    return b""


def status(data: bytes) -> Status:
    """Read a member's state."""
    answer = protobuf.parse(data)
    return Status(_header(answer), answer.text(2), answer.numbers.get(4, 0))


def _header(answer: protobuf.Message) -> Header:
    header = protobuf.parse(answer.bodies.get(1, b""))
    return Header(header.numbers.get(1, 0), header.signed(3), header.numbers.get(4, 0))


def _change(data: bytes) -> Change:
    event = protobuf.parse(data)
    return Change(event.numbers.get(1) == 1, _entry(event.bodies.get(2, b"")))


def _entry(data: bytes) -> Entry:
    pair = protobuf.parse(data)
    return Entry(pair.bodies.get(1, b""), pair.bodies.get(5, b""), pair.signed(3))
