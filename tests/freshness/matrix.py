"""What befalls a datastore: each a cell of the matrix, with what ends it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from tests.freshness.upstream import Upstream

WITNESS: Final = "witness"  # an object that clients know otherwise before the harm than after it
BEFORE: Final = ("198.51.100.0/24",)
MEANWHILE: Final = ("192.0.2.0/24",)
AFTER: Final = ("203.0.113.0/24",)

Deed = Callable[[Any], None]


class Notice(Enum):
    """When a server has to say that it is no longer fresh."""

    FAILING = auto()  # after UpstreamStaleSecs
    RECURRING = auto()  # after WatchSilentSecs for the second time: the first time a list helps
    NEVER = auto()  # it gets over it by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One thing that can happen; nobody has to mend what is never noticed."""

    name: str
    prepare: Deed | None = None  # leaves the witness as MEANWHILE, which clients are then told
    harm: Deed
    mend: Deed = lambda _upstream: None
    notice: Notice = Notice.FAILING


def _back_up(upstream: Upstream) -> None:
    upstream.put_set(WITNESS, *AFTER)
    upstream.back_up()
    upstream.put_set(WITNESS, *MEANWHILE)


def _forget(upstream: Upstream) -> None:
    """Leave all connections half open; what happens then has to be found out."""
    upstream.tell_relay("forget")
    upstream.put_set(WITNESS, *AFTER)


CELLS: Final = (
    Cell(name="SIGSTOP", harm=Upstream.suspend, mend=Upstream.resume),
    Cell(name="SIGKILL", harm=Upstream.kill, mend=Upstream.start),
    Cell(
        name="dropped packets",
        harm=lambda upstream: upstream.tell_relay("drop"),
        mend=lambda upstream: upstream.tell_relay("pass"),
    ),
    Cell(
        name="half-open TCP",
        harm=_forget,
        notice=Notice.NEVER,
    ),
    *(
        Cell(
            name=str(status),
            harm=lambda upstream, status=status: upstream.answer(status),
            mend=Upstream.answer_well,
        )
        for status in (401, 403, 429, 500)
    ),
    Cell(
        name="a watch that never sends",
        harm=Upstream.fall_silent,
        mend=Upstream.speak,
        notice=Notice.RECURRING,
    ),
    Cell(
        name="restored older etcd",
        prepare=_back_up,
        harm=Upstream.restore,
        notice=Notice.NEVER,
    ),
)
BY_NAME: Final = {cell.name: cell for cell in CELLS}
