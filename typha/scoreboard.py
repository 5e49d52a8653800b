"""One shared memory page on which the processes of a server see each other.

The parent makes it before the first fork.  Every field is one aligned 64-bit word with a single
writer, named in its comment, so nothing is locked and a reader sees either the old or the new
value.  Times are seconds of `time.monotonic()`, which all processes of a machine share.  Knows no
clock and no process: whoever calls passes `now` in.
"""

import mmap
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, TypeVar, overload

SYNCERS: Final = ("felix", "bgp", "tunnel-ip-allocation", "node-status")
FRESH_SECONDS: Final = 1.0  # a worker silent for longer no longer counts when shards are compared
WORD_BYTES: Final = 8
SLOT_WORDS: Final = 32  # room to grow; 256 bytes, so two processes never share a cache line
ADDRESS_CELLS: Final = 4096  # few addresses share one: some twenty fill MaxUnauthenticated
CELL_BYTES: Final = 4

_IN_SYNC: Final = 2  # the protocol's number for in-sync


class Phase(IntEnum):
    """Where the life of the server stands."""

    STARTING = 0  # nothing listens: the datastore was not reached yet
    SERVING = 1
    DRAINING = 2  # the listener is closed, connections are being shed
    STOPPED = 3  # every process ends now


_PHASES: Final = tuple(Phase)  # looked up in every turn of every loop


class _Word:
    """A field of a slot; the slot's class numbers its fields in order."""

    __slots__ = ("at",)

    at: int


class _Whole(_Word):
    """A signed 64-bit number."""

    __slots__ = ()

    @overload
    def __get__(self, slot: None, owner: type) -> "_Whole": ...
    @overload
    def __get__(self, slot: "_Slot", owner: type) -> int: ...
    def __get__(self, slot: "_Slot | None", owner: type) -> "int | _Whole":
        return self if slot is None else slot.whole[self.at]

    def __set__(self, slot: "_Slot", value: int) -> None:
        slot.whole[self.at] = value


class _Seconds(_Word):
    """A time or a duration."""

    __slots__ = ()

    @overload
    def __get__(self, slot: None, owner: type) -> "_Seconds": ...
    @overload
    def __get__(self, slot: "_Slot", owner: type) -> float: ...
    def __get__(self, slot: "_Slot | None", owner: type) -> "float | _Seconds":
        return self if slot is None else slot.seconds[self.at]

    def __set__(self, slot: "_Slot", value: float) -> None:
        slot.seconds[self.at] = value


class _PerSyncer(_Word):
    """Four numbers, one a syncer; takes four words."""

    __slots__ = ()

    @overload
    def __get__(self, slot: None, owner: type) -> "_PerSyncer": ...
    @overload
    def __get__(self, slot: "_Slot", owner: type) -> "SyncerNumbers": ...
    def __get__(self, slot: "_Slot | None", owner: type) -> "SyncerNumbers | _PerSyncer":
        return self if slot is None else SyncerNumbers(slot.whole, self.at)


class SyncerNumbers:
    """Read and written by the syncer's name: `slot.sequence["felix"] = 7`."""

    __slots__ = ("_first", "_whole")

    def __init__(self, whole: "memoryview[int]", first: int) -> None:
        self._whole = whole
        self._first = first

    def __getitem__(self, syncer: str) -> int:
        """Return the number of `syncer`."""
        return self._whole[self._first + SYNCERS.index(syncer)]

    def __setitem__(self, syncer: str, value: int) -> None:
        """Set the number of `syncer`."""
        self._whole[self._first + SYNCERS.index(syncer)] = value


_S = TypeVar("_S", bound="_Slot")


def _numbered(slot: type[_S]) -> type[_S]:
    """Give each field of a slot class its place, inherited ones first, alike in all classes."""
    at = 0
    for owner in reversed(slot.__mro__):
        for field in vars(owner).values():
            if isinstance(field, _Word):
                field.at = at
                at += len(SYNCERS) if isinstance(field, _PerSyncer) else 1
    assert at <= SLOT_WORDS, slot.__name__
    return slot


class _Slot:
    """A run of words; subclasses list their fields."""

    __slots__ = ("seconds", "whole")

    def __init__(self, page: "memoryview[int]", index: int) -> None:
        start = index * SLOT_WORDS * WORD_BYTES
        words = page[start : start + SLOT_WORDS * WORD_BYTES]
        self.whole: memoryview[int] = words.cast("q")
        self.seconds: memoryview[float] = words.cast("d")


@_numbered
class Server(_Slot):
    """What holds for the server as a whole."""

    __slots__ = ()

    phase_number = _Whole()  # parent; read it as `phase`
    parent_pid = _Whole()  # parent
    parent_heartbeat = _Seconds()  # parent
    started_at = _Seconds()  # parent
    drain_total = _Whole()  # parent: connections there were when draining began
    reloads = _Whole()  # parent: SIGHUPs so far; who can reload compares it with what it saw last
    listen_allowed = _Whole()  # watcher: it has reached the datastore
    connection_limit = _Whole()  # watcher; what the whole server may hold, 0 = none set yet
    nodes = _Whole()  # watcher
    typhas = _Whole()  # watcher
    newcomer_seconds = _Seconds()  # watcher: who has been here for less is shed after all others
    told = _PerSyncer()  # watcher: newest sequence number that left it; its successor reads that

    @property
    def phase(self) -> Phase:
        """Where the server stands."""
        return _PHASES[self.phase_number]

    @phase.setter
    def phase(self, phase: Phase) -> None:
        self.phase_number = int(phase)


class ProcessSlot(_Slot):
    """What every child tells: that it is there, and that its loop turns."""

    __slots__ = ()

    pid = _Whole()  # parent; 0 while there is no such process
    started_at = _Seconds()  # parent
    restarts = _Whole()  # parent: how often it had to be replaced
    hung = _Whole()  # parent: how often it was killed for not answering
    beaten_at = _Seconds()  # the process; 0 until its first beat

    def heartbeat(self, now: float) -> None:
        """Tell that the loop turns; every process does so at least once a second."""
        self.beaten_at = now

    def silent_for(self, now: float) -> float:
        """Return the seconds since the last sign of life; starting the process counts as one."""
        return now - max(self.beaten_at, self.started_at)

    def reset(self, pid: int, now: float) -> None:
        """Empty the slot for the process that takes it over, but for the parent's counts."""
        restarts, hung = self.restarts, self.hung
        self.whole[:] = memoryview(bytes(SLOT_WORDS * WORD_BYTES)).cast("q")
        self.restarts, self.hung = restarts, hung
        self.started_at = now
        self.pid = pid


@_numbered
class Watcher(ProcessSlot):
    """What the watcher tells, per syncer."""

    __slots__ = ()

    sequence = _PerSyncer()  # watcher: newest sequence number published
    status = _PerSyncer()  # watcher: the protocol's SyncStatus number
    stale = _Whole()  # watcher: resources beyond their freshness limit
    snapshot_errno = _Whole()  # watcher: why no snapshot can be written; 0 while one can
    unverified = _PerSyncer()  # watcher: keys known from before that the datastore has not shown

    def in_sync(self, syncer: str) -> bool:
        """Return whether clients of `syncer` are told that they have everything."""
        return self.status[syncer] == _IN_SYNC


@_numbered
class Ops(ProcessSlot):
    """The ops process."""

    __slots__ = ()


@_numbered
class Worker(ProcessSlot):
    """One worker's shard, and what is asked of it."""

    __slots__ = ()

    accepted = _Whole()  # worker: connections accepted since its start
    active = _Whole()  # worker: connections it holds, handshaking ones included
    unproven = _Whole()  # worker: those of them whose certificate is not verified yet
    streaming = _Whole()  # worker: connections past their ServerHello
    fan_out_seconds = _Seconds()  # worker: time to hand the last frame to all its clients
    drains_asked = _Whole()  # parent: connections to close for the shutdown, in all
    drains_done = _Whole()  # worker
    sheds_asked = _Whole()  # watcher: connections to close for balance, in all
    sheds_done = _Whole()  # worker
    sheddable = _Whole()  # worker: connections that may be shed: told all there is to tell
    clients = _PerSyncer()  # worker: connections past their ServerHello
    snapshots_sending = _Whole()  # worker: connections that are being sent their snapshot
    waiting_since = _Seconds()  # worker: when the first who waits for that came; 0: nobody waits

    def drains_wanted(self) -> int:
        """Return how many connections the worker still has to close for the shutdown."""
        return max(0, self.drains_asked - self.drains_done)

    def sheds_wanted(self) -> int:
        """Return how many connections the worker still has to close for balance."""
        return max(0, self.sheds_asked - self.sheds_done)


class Scoreboard:
    """All slots: the server, the watcher, ops and `workers` workers."""

    def __init__(self, workers: int) -> None:
        slots = (3 + workers) * SLOT_WORDS * WORD_BYTES
        row = ADDRESS_CELLS * CELL_BYTES
        self._memory = mmap.mmap(-1, slots + workers * row)  # anonymous and shared
        page = memoryview(self._memory)
        # Unproven connections by address, hashed; a row has one worker as its only writer.
        self.unproven_by_address: tuple[memoryview[int], ...] = tuple(
            page[slots + index * row :][:row].cast("I") for index in range(workers)
        )
        self.server = Server(page, 0)
        self.watcher = Watcher(page, 1)
        self.ops = Ops(page, 2)
        self.workers = tuple(Worker(page, 3 + index) for index in range(workers))

    def worker(self, index: int) -> Worker:
        """Return the slot of one worker, counted from 0."""
        return self.workers[index]

    def posts(self) -> dict[str, ProcessSlot]:
        """Return the slots of all children by the names of their posts."""
        workers = {f"worker-{index}": slot for index, slot in enumerate(self.workers)}
        return {"ops": self.ops, "watcher": self.watcher, **workers}

    def lively_workers(self, now: float) -> Iterator[Worker]:
        """Yield the workers whose loop turned within the last second."""
        return (slot for slot in self.workers if now - slot.beaten_at < FRESH_SECONDS)

    def lowest_connections(self, now: float) -> int:
        """Return the connections of the lively worker that has fewest; 0 when none is lively.

        A worker accepts only while it has no more than this, so shards differ by one at most.
        """
        return min((slot.active for slot in self.lively_workers(now)), default=0)

    def slowest_fan_out(self, now: float) -> float:
        """Return the seconds the slowest lively worker took for its last frame."""
        return max((slot.fan_out_seconds for slot in self.lively_workers(now)), default=0.0)

    def connections(self) -> int:
        """Return the connections of the whole server; a dead worker has none."""
        return sum(slot.active for slot in self.workers if slot.pid)

    def unproven(self) -> int:
        """Return the connections of the whole server whose certificate is not verified yet."""
        return sum(slot.unproven for slot in self.workers if slot.pid)

    def streaming(self) -> int:
        """Return the connections of the whole server that are past their ServerHello."""
        return sum(slot.streaming for slot in self.workers if slot.pid)
