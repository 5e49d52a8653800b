"""A syncer's whole state as one file of ready bytes, which every worker maps and sends from."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from typha.journal import rendering
from typha.journal.store import Store
from typha.syncproto import frames, schema, snappy
from typha.syncproto.frames import Topic
from typha.syncproto.messages import Codec, Dialect


class Written(NamedTuple):
    """What a snapshot file holds: keys, its size in bytes, and that before compression."""

    keys: int
    size: int
    raw_size: int


PRIVATE: Final = 0o600


def write(path: Path, store: Store, topic: Topic, largest_batch: int) -> Written:
    """Write the snapshot of a store for a topic, to appear under its name when it is complete.

    Raises OSError, for instance when the run directory is full; nothing is left behind then.
    """
    unfinished = path.with_suffix(".unfinished")
    try:
        with os.fdopen(
            os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, PRIVATE), "wb"
        ) as f:
            keys = size = raw_size = 0
            for elements, raw, piece in _pieces(store, topic, largest_batch):
                keys += elements
                raw_size += raw
                size += f.write(piece)
        unfinished.rename(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    return Written(keys, size, raw_size)


def _pieces(store: Store, topic: Topic, largest_batch: int) -> Iterator[tuple[int, int, bytes]]:
    opening = frames.opening(topic.codec)
    yield 0, len(opening), opening
    for batch in _batches(_elements(store, topic.dialect), largest_batch):
        message = schema.kvs(batch)
        packed = snappy.compress(message) if topic.codec is Codec.SNAPPY else message
        yield len(batch), len(message), packed
    end = frames.snapshot_end(topic.codec)
    yield 0, len(end), end


def _elements(store: Store, dialect: Dialect) -> Iterator[bytes]:
    if dialect is Dialect.MODERN:
        return (element for _, element in store.snapshot())
    keyed = sorted(rendering.rendered(store.snapshot(), dialect))
    return (element for _, element in keyed)


def _batches(elements: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    iterator = iter(elements)
    while batch := list(islice(iterator, size)):
        yield batch
