"""A snapshot file, as a client reads what it is sent from it."""

import pytest

from typha.journal import dialects, rendering, snapshot, store
from typha.journal.store import Store
from typha.syncproto import frames, schema, snappy
from typha.syncproto.frames import Topic
from typha.syncproto.messages import (
    Codec,
    DecoderRestart,
    Dialect,
    KVs,
    SyncerType,
    UpdateType,
)
from typha.syncproto.parsing import MessageReader

POLICY = "/calico/v1/policy/GlobalNetworkPolicy//default.{}"
VALUE = b'{"tier":"default","order":1,"selector":"all()"}'
# Only the newest clients have heard of the last one.
KEYS = ["/calico/v1/config/B", "/calico/v1/config/a", POLICY.format("z"), POLICY.format("a")]
KEYS += ["/calico/v1/policy/KubernetesClusterNetworkPolicy//kcnp.admin.x"]
KEYS += ["/calico/v1/policy/NetworkPolicy/a/default.b"]  # old clients know it by another value


def filled():
    """Make a store with some keys, and one that was deleted."""
    made = Store()
    for key in [*KEYS, "/calico/v1/config/gone"]:
        made.apply(store.present((key, VALUE, "7", ""), UpdateType.NEW))
    made.apply(store.absent("/calico/v1/config/gone", UpdateType.DELETED))
    return made


def plain(data, codec):
    """Undo a stream's compression, if it has any."""
    if codec is Codec.PLAIN:
        return schema.PREAMBLE + data
    reader = snappy.Reader()
    reader.feed(data)
    found = b"".join(reader.chunks())
    assert reader.buffered == 0
    return found


def messages(data):
    """Read a gob stream's messages."""
    reader = MessageReader()
    reader.feed(data)
    return list(reader.messages())


def told(dialect):
    """Tell what clients of a dialect know the keys and values of the store by."""
    spelt = {dialects.spell(key, dialect): dialects.value_for(key, VALUE, dialect) for key in KEYS}
    return {key: value for key, value in spelt.items() if key is not None}


@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize("dialect", Dialect)
def test_a_file_is_all_that_a_client_of_its_topic_is_sent(tmp_path, dialect, codec):
    """Sorted by the keys it knows, in messages of bounded size; compressed, it ends itself."""
    path = tmp_path / "snapshot"
    topic = Topic(SyncerType.FELIX, dialect, codec)
    written = snapshot.write(path, filled(), topic, largest_batch=2)
    stream = plain(path.read_bytes(), codec)
    read = messages(stream)
    ends = [message for message in read if not isinstance(message, KVs)]
    assert ends == read[len(read) - len(ends) :]
    assert [type(end) for end in ends] == ([DecoderRestart] if codec is Codec.SNAPPY else [])
    batches = read[: len(read) - len(ends)]
    assert max(len(batch.updates) for batch in batches) == 2
    updates = [update for batch in batches for update in batch.updates]
    assert {update.key: update.value for update in updates} == told(dialect)
    keys = [update.key for update in updates]
    assert keys == sorted(keys)
    assert written.keys == len(keys)
    assert written.size == path.stat().st_size
    around = len(frames.opening(codec)) + len(frames.snapshot_end(codec))
    uncompressed = snapshot.write(path, filled(), topic._replace(codec=Codec.PLAIN), 2)
    assert written.raw_size == uncompressed.size + around
    assert [entry.name for entry in tmp_path.iterdir()] == ["snapshot"]


def test_a_file_that_cannot_be_completed_leaves_nothing_behind(tmp_path):
    """What it would take is not there, so nothing may be wasted."""
    path = tmp_path / "snapshot"
    path.mkdir()
    topic = Topic(SyncerType.FELIX, Dialect.MODERN, Codec.PLAIN)
    with pytest.raises(OSError, match="directory"):
        snapshot.write(path, filled(), topic, largest_batch=2)
    assert [entry.name for entry in tmp_path.iterdir()] == ["snapshot"]


@pytest.mark.parametrize("dialect", Dialect)
def test_changes_are_told_by_the_same_keys(dialect):
    """Deletions too, which have no value; what a client has never heard of is left out."""
    changes = [
        (key, store.absent(key, UpdateType.DELETED, "8").delta())
        for key in [*KEYS, "/calico/v1/config/gone"]
    ]
    told_keys = []
    for key, element in rendering.rendered(changes, dialect):
        (message,) = messages(schema.PREAMBLE + schema.kvs([element]))
        (update,) = message.updates
        assert (update.key, update.value) == (key, None)
        assert (update.revision, update.update_type) == ("8", UpdateType.DELETED)
        told_keys.append(key)
    assert sorted(told_keys) == sorted([*told(dialect), "/calico/v1/config/gone"])
