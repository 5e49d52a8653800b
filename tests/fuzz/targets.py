"""Fuzz targets: plain functions of bytes, each with its invariant and the errors it allows.

`make test` runs them for a moment (test_targets.py); a fuzzer runs them for hours:
`python -m tests.fuzz server` with atheris installed.
"""

import contextlib
from collections.abc import Callable
from typing import Final

from typha.config import loading
from typha.config.resolution import Surroundings
from typha.datastore.files import manifests as files
from typha.datastore.ports import Changed
from typha.gob.decoder import Decoder
from typha.gob.errors import DecodeError
from typha.gob.values import Limits
from typha.journal import log
from typha.model.resources import Reading
from typha.syncers import catalogs
from typha.syncers.intake import Intake
from typha.syncproto import client_schema, generations, schema, snappy
from typha.syncproto.client import ClientSession
from typha.syncproto.errors import CorruptElementsError, PeerError, UndecodableError
from typha.syncproto.messages import Codec, SyncerType
from typha.syncproto.server import ServerSession, State
from typha.telemetry.closing import CloseReason

SMALL: Final = Limits(message_bytes=1 << 16)
READING: Final = Reading()
ROWS: Final = catalogs.of("kubernetes", READING)


def gob(data: bytes) -> None:
    """Check that any split of a stream means the same, and only DecodeError escapes."""
    assert _decoded(data, len(data)) == _decoded(data, 3)


def _decoded(data: bytes, step: int) -> tuple[str, bool]:
    decoder = Decoder(SMALL)
    values: list[object] = []
    failed = False
    try:
        for start in range(0, len(data), step or 1):
            decoder.feed(data[start : start + step])
            values += decoder.values()
    except DecodeError:
        failed = True
    return repr(values), failed  # as text, because NaN is not itself


def server(data: bytes) -> None:
    """Check that a client can end its session, for a reason, and nothing else."""
    session = ServerSession(version="fuzz", connection_id=1)
    for start in range(0, len(data), 64):
        ended = None
        try:
            session.receive(data[start : start + 64])
        except PeerError as error:
            ended = error.reason
        if ended is not None:
            assert isinstance(ended, CloseReason)
            assert session.state is State.CLOSED
            return
        if session.state in (State.SNAPSHOT, State.PLAIN_SNAPSHOT):
            session.snapshot_sent()


def server_after_hello(data: bytes) -> None:
    """Check the same behind an accepted hello, where types may still be defined."""
    server(client_schema.hello(generations.hello()) + data)


def client(data: bytes) -> None:
    """Check that a server can end our session, and nothing else."""
    session = ClientSession(generations.hello())
    with contextlib.suppress(PeerError):
        session.receive(data)


def client_in_snappy(data: bytes) -> None:
    """Check the same behind a restart, inside valid framing."""
    greeting = schema.PREAMBLE + schema.server_hello("fuzz", SyncerType.FELIX, 1)
    restart = schema.decoder_restart("fuzz", Codec.SNAPPY)
    framed = snappy.STREAM_IDENTIFIER + snappy.compress(schema.PREAMBLE + data)
    client(greeting + restart + framed)


def framing(data: bytes) -> None:
    """Check that any split of framed data means the same; only UndecodableError escapes."""
    assert _unframed(data, len(data)) == _unframed(data, 3)


def _unframed(data: bytes, step: int) -> tuple[bytes, bool]:
    reader = snappy.Reader()
    found = b""
    for stream in (snappy.STREAM_IDENTIFIER, data):
        for start in range(0, len(stream), step or 1):
            reader.feed(stream[start : start + step])
            try:
                for chunk in reader.chunks():
                    found += chunk
            except UndecodableError:
                return found, True
    return found, False


def elements(data: bytes) -> None:
    """Check that a scan finds exactly what it was given, or says where that is damaged."""
    with contextlib.suppress(CorruptElementsError):
        assert b"".join(found.element for found in schema.scan(data)) == data


def settings(data: bytes) -> None:
    """Check that any text comes to settings, and to errors that say what is accepted."""
    text = data.decode("utf-8", errors="surrogateescape")
    around = Surroundings(environ={}, cpus=2, exists=lambda _path: False)
    loaded, errors = loading.interpret(text, "typha.cfg", around)
    assert loaded.settings.server.port
    assert all(error.setting and error.accepted for error in errors)


def manifests(data: bytes) -> None:
    """Check that whatever can be read from a file takes its way, and what cannot is named."""
    for path in ("objects.yaml", "objects.json"):
        manifest = files.read(path, data)
        assert all(problem.line > 0 and problem.reason for problem in manifest.problems)
        intake = Intake(ROWS.feeds, READING, ROWS.built_in)
        for found in manifest.found:
            for _ in intake.take(Changed(found.identity.resource, found.object)):
                pass


def journal(data: bytes) -> None:
    """Check that a file of anything gives back whole records, or none."""
    for end, record in log.decode(memoryview(data)):
        assert end <= len(data)
        assert log.encode(record)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    target.__name__: target
    for target in (
        *(gob, server, server_after_hello, client, client_in_snappy, framing, elements),
        *(settings, manifests, journal),
    )
}
