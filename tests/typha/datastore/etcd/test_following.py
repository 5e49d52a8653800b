"""Whatever happens between us and etcd, in the end we have what it has."""

import itertools
import random
import threading

import orjson
import pytest
from hypothesis import given, strategies as st

from tests.typha.datastore.etcd import responses
from tests.typha.datastore.recording import Recording
from typha.datastore.etcd import codec, endpoints, init, kinds, protobuf, source
from typha.datastore.etcd.errors import CompactedError, EtcdError, UnreachableError

KINDS = [kinds.KINDS[f"{plural}.projectcalico.org"] for plural in ("tiers", "ippools")]
BROKEN = b"{"  # a value that cannot be read
FIRST_TERM = 1_000


class Store:
    """An etcd with all of its past, and a script of what happens while it is asked."""

    def __init__(self, script):
        self.objects = {}
        self.revision = 1
        self.compacted = 0
        self.life = 0  # connections end with it
        self.stopping = threading.Event()
        self.check = lambda: None
        self._pasts = {1: {}}
        self._history = []
        self._script = iter(script)

    @property
    def header(self):
        """Tell who answers: a store from a backup counts its terms anew."""
        return codec.Header(1, self.revision, FIRST_TERM - self.life)

    def happens(self):
        """Let the next thing happen; say what it is, nothing at the end."""
        step = next(self._script, None)
        match step:
            case ("write", changes):
                self._write(changes)
            case "compact":
                self.compacted = self.revision
            case ("restore", back):
                self._restore(max(1, self.compacted, self.revision - back))
        return step

    def _write(self, changes):
        """Change keys, each once, in one revision."""
        self.revision += 1
        for key, value in changes.items():
            is_deleted = value is None
            if is_deleted and self.objects.pop(key, None) is None:
                continue
            if not is_deleted:
                self.objects[key] = codec.Entry(key, value, self.revision)
            entry = codec.Entry(key, value or b"", self.revision)
            self._history.append(codec.Change(is_deleted, entry))
        self._pasts[self.revision] = dict(self.objects)

    def _restore(self, revision):
        """Be a store again as it was, and forget what came after."""
        self.revision, self.objects = revision, dict(self._pasts[revision])
        self._history = [each for each in self._history if each.entry.mod_revision <= revision]
        self.life += 1

    def entries(self, start, end, revision):
        """Give the keys in a range as of a revision."""
        if revision and revision < self.compacted:
            raise CompactedError("compacted")
        past = self._pasts[revision or self.revision]
        return [past[key] for key in sorted(past) if key == start or start <= key < end]

    def since(self, prefix, revision):
        """Give the changes from a revision on; None if they are not kept any more."""
        if revision <= self.compacted and revision <= self.revision:
            return None
        return [
            change
            for change in self._history
            if change.entry.key.startswith(prefix) and change.entry.mod_revision >= revision
        ]


class Connection:
    """What a follower asks, in place of a channel; everything may happen at each question."""

    def __init__(self, store):
        self._store = store
        self._life = store.life

    def __enter__(self):
        """Use it."""
        return self

    def __exit__(self, *_):
        """Close it."""

    def check(self):
        """Fail if the store has ended since."""
        if self._life != self._store.life:
            raise UnreachableError("it was restarted")

    def page(self, start, end, *, limit, revision=0):
        """Read some keys."""
        if self._store.happens() == "fail":
            raise UnreachableError("gone")
        self.check()
        found = self._store.entries(start, end, revision)
        return codec.Page(self._store.header, found[:limit], len(found) > limit)

    def watch(self):
        """Open a stream."""
        self.check()
        return Stream(self._store, self)


class Stream:
    """A watch stream, which tells what has happened when its turn comes."""

    def __init__(self, store, connection):
        self._store = store
        self._connection = connection
        self._requests = []
        self._watches = {}  # prefix and next revision by id
        self._ids = iter(range(1_000_000))

    def send(self, request):
        """Take a request for a watch."""
        create = protobuf.parse(protobuf.parse(request).bodies[1])
        self._requests.append((create.bodies[1], create.numbers[3]))

    def close(self):
        """Nothing is left open."""

    def __iter__(self):
        """Tell what there is to tell, as far as the script wants it told now."""
        while True:
            step = self._store.happens()
            self._connection.check()
            match step:
                case "fail" | "end":
                    yield from itertools.islice(self._news(), 1)
                    raise UnreachableError("the stream has ended")
                case "cancel":
                    yield from self._cancelled()
                case "progress":
                    yield from self._progress()
                case "deliver" | None:
                    yield from self._answers()
                    yield from self._news()
                    self._check()
            if step is None and not self._requests:
                self._store.stopping.set()
            yield self._answer(codec.PROGRESS_WATCH_ID)

    def _check(self):
        """Where all was told of every kind, all has to be known: what comes next might mend it."""
        is_told = all(self._store.since(*watch) == [] for watch in self._watches.values())
        if is_told and len(self._watches) == len(KINDS):
            self._store.check()

    def _cancelled(self):
        for number in list(self._watches)[:1]:
            del self._watches[number]
            yield self._answer(number, canceled=True)

    def _progress(self):
        """Say of watches that have missed nothing how far they are."""
        for number, watch in self._watches.items():
            if self._store.since(*watch) == []:
                yield self._answer(number)

    def _answers(self):
        while self._requests:
            prefix, revision = self._requests.pop(0)
            number = next(self._ids)
            if self._store.since(prefix, revision) is None:
                compacted = self._store.compacted
                yield self._answer(number, created=True, canceled=True, compact_revision=compacted)
            else:
                self._watches[number] = (prefix, revision)
                yield self._answer(number, created=True)

    def _news(self):
        """Give what each watch has missed, one change in a fragment."""
        for number, (prefix, revision) in list(self._watches.items()):
            changes = self._store.since(prefix, revision)
            if changes is None:
                del self._watches[number]
                compacted = self._store.compacted
                yield self._answer(number, canceled=True, compact_revision=compacted)
                continue
            self._watches[number] = (prefix, self._store.revision + 1)
            for change in changes:
                yield self._answer(number, changes=[change], fragment=change is not changes[-1])

    def _answer(self, number, **said):
        return responses.watch(self._store.header, watch_id=number, **said)


def known(inbox, kind):
    """Give what was told of a kind: revisions and values by name."""
    objects = inbox.objects[kind.resource].values()
    return {
        it["metadata"]["name"]: (it["metadata"]["resourceVersion"], it["etcd"]) for it in objects
    }


def stored(store, kind):
    """Give what there is of a kind, and can be read."""
    entries = store.entries(kind.prefix.encode(), codec.end_of(kind.prefix.encode()), 0)
    return {
        each.key.decode().removeprefix(kind.prefix): (
            str(each.mod_revision),
            orjson.loads(each.value),
        )
        for each in entries
        if each.value != BROKEN
    }


def follow(script):
    """Follow a store to the end of a script; what is told is compared on the way."""
    store, inbox = Store(script), Recording()

    def check():
        for kind in KINDS:
            assert known(inbox, kind) == stored(store, kind)

    store.check = check
    follower = source._Follower(KINDS, inbox, store.stopping)
    rotation = endpoints.Rotation([endpoints.parse("http://a:1")], random.random)
    while not store.stopping.is_set():
        try:
            follower.follow(Connection(store), rotation)
        except EtcdError:
            continue
    check()
    assert {kind.resource for kind in KINDS} <= inbox.synced


NAMES = st.dictionaries(
    st.sampled_from("abcdefghijkl"),
    st.none() | st.sampled_from([b'{"v":1}', b'{"v":2}', BROKEN]),
    min_size=1,
    max_size=3,
)
WRITES = st.tuples(
    st.just("write"),
    st.builds(
        lambda kind, names: {f"{kind.prefix}{name}".encode(): names[name] for name in names},
        st.sampled_from(KINDS),
        NAMES,
    ),
)
STEPS = WRITES | st.sampled_from(
    [
        *["deliver"] * 6,
        *["end"] * 4,
        *["progress"] * 2,
        *["cancel", "fail", "compact"],
        *[("restore", 1), ("restore", 4)],
    ]
)


@given(st.lists(STEPS, min_size=30, max_size=60))
def test_in_the_end_all_that_is_stored_is_known_and_nothing_else(script):
    """Over writes of several keys, lists of several pages, compactions, and restored backups."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "PAGE_KEYS", 3)
        patch.setattr(source, "DENIED_SECONDS", 0.0)
        patch.setattr(init, "initialise", lambda _connection: None)
        follow(script)
