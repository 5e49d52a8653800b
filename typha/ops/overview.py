"""The view from above: what the scoreboard, the figures and the processes themselves tell.

Values for people and programs, as JSON has them; how they look is the pages' matter.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

import typha
from typha.ops import health
from typha.ops.desk import Desk
from typha.ops.ledger import Ledger, Sender
from typha.ops.prober import Prober
from typha.scoreboard import SYNCERS, ProcessSlot, Scoreboard

_ASKED: Final = {"streams": "watcher", "invalid": "watcher", "clients": "worker-"}
STATUSES: Final = ("wait-for-ready", "resync", "in-sync")  # by the protocol's numbers
EVERY: Final = "every resource"

Json = dict[str, Any]


class Overview:
    """Everything ops can see."""

    def __init__(self, board: Scoreboard, ledger: Ledger, desk: Desk, prober: Prober) -> None:
        """Take what it looks at."""
        self.board = board
        self._ledger = ledger
        self._desk = desk
        self._prober = prober

    def verdict(self) -> health.Verdict:
        """Judge the server now."""
        stale = self._stale() if self.board.watcher.stale else []
        return health.judge(self.board, time.monotonic(), stale, self._prober.deaf())

    def status(self) -> Json:
        """Return how the server, its processes and its datastore streams stand."""
        return self._status(self._ask("streams", "invalid"))

    def clients(self) -> list[Json]:
        """Return every connected client, those furthest behind first."""
        return _by_lag(self._ask("clients"))

    def everything(self) -> tuple[Json, list[Json]]:
        """Return both, asked for at the same time."""
        answers = self._ask("streams", "invalid", "clients")
        return self._status(answers), _by_lag(answers)

    def texts(self, question: str) -> dict[str, str]:
        """Return what every process answers to `stacks` or `memory`."""
        others = [sender for sender in self.living() if sender.name != "ops"]
        answers = self._desk.ask({question: others})[question]
        return {name: answer.decode(errors="replace") for name, answer in sorted(answers.items())}

    def living(self) -> list[Sender]:
        """Return the processes there are."""
        slots = self.board.posts().items()
        return [Sender(name, slot.pid) for name, slot in slots if slot.pid]

    def _stale(self) -> list[str]:
        """Name the resources whose streams are stale; all of them are one thing: the datastore."""
        gauges = self._ledger.whole().gauges.get("typha_upstream_stale", {})
        stale = sorted(resource for resource, value in gauges.items() if value)
        return [EVERY] if 1 < len(gauges) == len(stale) else stale

    def _ask(self, *questions: str) -> dict[str, list[Json]]:
        """Ask whom it concerns; what several answer is put together."""
        living = self.living()
        asked = {
            question: [sender for sender in living if sender.name.startswith(_ASKED[question])]
            for question in questions
        }
        return {
            question: [row for answer in answers.values() for row in orjson.loads(answer) or ()]
            for question, answers in self._desk.ask(asked).items()
        }

    def _status(self, answers: Mapping[str, list[Json]]) -> Json:
        server, now, verdict = self.board.server, time.monotonic(), self.verdict()
        return {
            "version": typha.__version__,
            "phase": server.phase.name.lower(),
            "live": verdict.is_live,
            "ready": verdict.is_ready,
            "problems": verdict.problems,
            "uptime_seconds": round(now - server.started_at, 1),
            "connections": self.board.connections(),
            "connection_limit": server.connection_limit,
            "nodes": server.nodes,
            "typhas": server.typhas,
            "processes": list(self._processes(now)),
            "syncers": [self._syncer(syncer) for syncer in SYNCERS],
            "streams": answers["streams"],
            "invalid": answers["invalid"],
        }

    def _processes(self, now: float) -> Iterator[Json]:
        for name, slot in self.board.posts().items():
            yield {
                "name": name,
                "pid": slot.pid,
                "age_seconds": round(now - slot.started_at, 1) if slot.pid else 0.0,
                "silent_seconds": _since(slot, now),
                "restarts": slot.restarts,
                "hung": slot.hung,
                **self._shard(slot),
            }

    def _shard(self, slot: ProcessSlot) -> Json:
        for worker in self.board.workers:
            if worker is slot:
                return {"connections": worker.active, "streaming": worker.streaming}
        return {}

    def _syncer(self, syncer: str) -> Json:
        watcher = self.board.watcher
        return {
            "syncer": syncer,
            "status": STATUSES[watcher.status[syncer]],
            "sequence": watcher.sequence[syncer],
            "unverified": watcher.unverified[syncer],
        }


def _since(slot: ProcessSlot, now: float) -> float:
    """Return the seconds since the last heartbeat, which may be later than `now`."""
    return round(max(0.0, slot.silent_for(now)), 1) if slot.pid else 0.0


def _by_lag(answers: Mapping[str, list[Json]]) -> list[Json]:
    return sorted(answers["clients"], key=lambda client: -(client.get("behind_seconds") or 0.0))
