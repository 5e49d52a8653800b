"""snappy's framing against what Go's library wrote, and against what it would refuse."""

import base64
from typing import Any

import cramjam
import pytest
from hypothesis import given, settings, strategies as st

from tests import recordings
from typha.syncproto import snappy
from typha.syncproto.errors import UndecodableError

IDENTIFIER = snappy.STREAM_IDENTIFIER


def read(data: bytes, step: int = 0) -> bytes:
    """Return the data of a framed stream that is fed in pieces of `step` bytes, or at once."""
    reader = snappy.Reader()
    found = b""
    for start in range(0, len(data), step or len(data) or 1):
        reader.feed(data[start : start + (step or len(data))])
        found += b"".join(reader.chunks())
    assert reader.buffered == 0
    return found


def checksum(data: bytes) -> int:
    """Return the masked CRC-32C, bit by bit as its definition says."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def chunk(kind: int, data: bytes, payload: bytes | None = None) -> bytes:
    """Return a chunk with the right checksum of `data`."""
    body = checksum(data).to_bytes(4, "little") + (data if payload is None else payload)
    return bytes([kind]) + len(body).to_bytes(3, "little") + body


@pytest.mark.golden
@pytest.mark.parametrize("vector", recordings.snappy_vectors(), ids=lambda v: v["name"])
def test_what_go_wrote_is_read(vector: dict[str, Any]) -> None:
    """Whole, and in pieces."""
    written = b"".join(base64.b64decode(write) for write in vector["writes_b64"] or ())
    stream = base64.b64decode(vector["stream_b64"])
    assert read(stream) == written
    assert read(stream, step=1 if len(stream) < 5000 else 999) == written


@given(st.lists(st.binary(max_size=300) | st.binary(max_size=50).map(lambda b: b * 3000)))
@settings(deadline=None)
def test_chunks_made_apart_make_one_stream(parts: list[bytes]) -> None:
    """Behind one identifier, in any order: this is what lets all clients share them."""
    assert read(IDENTIFIER + b"".join(map(snappy.compress, parts))) == b"".join(parts)


def test_a_chunk_holds_64_kib_at_most_and_the_last_ends_with_the_data() -> None:
    """A decoder restart must end its chunk, so the end may not be glued to anything."""
    reader = snappy.Reader()
    reader.feed(IDENTIFIER + snappy.compress(b"x" * 150_000))
    assert [len(data) for data in reader.chunks()] == [65536, 65536, 150_000 - 2 * 65536]


def test_nothing_compresses_to_nothing() -> None:
    """Not even an identifier is made."""
    assert snappy.compress(b"") == b""


def test_incompressible_data_are_stored() -> None:
    """They cost a header and no decompression."""
    noise = bytes(range(256))
    assert snappy.compress(noise) == chunk(1, noise)


@pytest.mark.parametrize(
    ("name", "stream", "data"),
    [
        ("stored chunks", chunk(1, b"ab") + chunk(1, b"c"), b"abc"),
        ("an empty stored chunk", chunk(1, b"") + chunk(1, b"c"), b"c"),
        ("the identifier again", chunk(1, b"a") + IDENTIFIER + chunk(1, b"b"), b"ab"),
        ("padding", b"\xfe\x02\0\0xx" + chunk(1, b"a"), b"a"),
        ("a skippable chunk", b"\x80\x02\0\0xx\xfd\0\0\0" + chunk(1, b"a"), b"a"),
        ("64 KiB stored", chunk(1, b"a" * 65536), b"a" * 65536),
    ],
)
def test_whatever_go_accepts_is_accepted(name: str, stream: bytes, data: bytes) -> None:
    """The odd corners of the format."""
    assert read(IDENTIFIER + stream) == data, name
    assert read(IDENTIFIER + stream, step=7) == data, name


REFUSED = {
    "no identifier": chunk(1, b"a"),
    "a false identifier": b"\xff\x06\0\0sNaPpX",
    "an identifier of another length": b"\xff\x05\0\0sNaPp",
    "a reserved chunk": IDENTIFIER + b"\x02\x01\0\0x",
    "another reserved chunk": IDENTIFIER + b"\x7f\x01\0\0x",
    "a wrong checksum": IDENTIFIER + b"\x01\x05\0\0\0\0\0\0a",
    "no room for a checksum": IDENTIFIER + b"\x01\x03\0\0abc",
    "more than 64 KiB stored": IDENTIFIER + chunk(1, b"a" * 65537),
    "more than 64 KiB compressed": IDENTIFIER
    + chunk(0, b"a" * 65537, bytes(cramjam.snappy.compress_raw(b"a" * 65537))),
    "four gigabytes announced inside": IDENTIFIER + chunk(0, b"a", b"\xff\xff\xff\xff\x0f\0a"),
    "a broken block": IDENTIFIER + chunk(0, b"abcd", b"\x04\x0cab"),
    "a copy from before the start": IDENTIFIER + chunk(0, b"aaaa", b"\x04\x01\x09"),
    "a chunk of sixteen megabytes": IDENTIFIER + b"\x01\xff\xff\xff",
    "a padding of sixteen megabytes": IDENTIFIER + b"\xfe\xff\xff\xff",
}


@pytest.mark.parametrize("stream", REFUSED.values(), ids=REFUSED.keys())
def test_whatever_go_refuses_is_refused(stream: bytes) -> None:
    """Lengths already at the chunk's header."""
    with pytest.raises(UndecodableError):
        read(stream)
    with pytest.raises(UndecodableError):
        read(stream, step=11)


def test_the_rest_goes_to_the_next_stream() -> None:
    """A restart inside one read leaves bytes of what comes after it."""
    reader = snappy.Reader()
    reader.feed(IDENTIFIER + chunk(1, b"a") + b"\xff\x06")
    assert list(reader.chunks()) == [b"a"]
    assert reader.take_rest() == b"\xff\x06"
    assert reader.buffered == 0


@given(st.binary(max_size=100))
@settings(deadline=None)
def test_nothing_but_the_documented_error_escapes(noise: bytes) -> None:
    """Whatever the bytes are."""
    reader = snappy.Reader()
    reader.feed(IDENTIFIER + noise)
    try:
        list(reader.chunks())
    except UndecodableError:
        return
