"""The body of the ops process: serves probes, metrics and the status page, and no client.

One thread receives figures; every HTTP connection has one of its own.
"""

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from typha.config.settings import Settings
from typha.ops import endpoints, expiry
from typha.ops.archive import Archive
from typha.ops.desk import Desk
from typha.ops.ledger import Sender
from typha.ops.overview import Overview
from typha.ops.prober import Prober
from typha.ops.scrape_tls import ScrapeTls
from typha.scoreboard import Phase, Scoreboard
from typha.telemetry import logs
from typha.telemetry.closing import CloseReason
from typha.telemetry.figures import Figures

PATIENCE_SECONDS: Final = 0.5  # so that the heartbeat stays younger than a second
TICK_SECONDS: Final = 1.0
ACTIVE: Final = "typha_connections_active"

log = logging.getLogger(__name__)


class Ops:
    """The parts of the process, and how they take turns."""

    def __init__(self, settings: Settings, board: Scoreboard, rundir: Path) -> None:
        """Recall what was counted, and serve at once: probes are answered from the start."""
        self._board = board
        self._slot = board.ops
        self._slot.heartbeat(time.monotonic())
        self._archive = Archive(rundir)
        self._ledger = self._archive.recall()
        self._desk = Desk(rundir)
        prober = Prober(board, rundir)
        self._overview = Overview(board, self._ledger, self._desk, prober)
        self._me = Sender("ops", os.getpid())
        self._figures = Figures()
        self._tls = ScrapeTls(settings.metrics) if settings.metrics.https else None
        self._certificates = expiry.files(settings)
        self._expiry = expiry.Warner(self._certificates)
        self._told = b""  # as last counted, of our own
        self._was_ready = False
        self._tick_at = self._look_at = 0.0
        endpoints.serve_status(rundir, settings.health, self._overview)
        endpoints.serve_debug(settings.debug, self._overview)
        prober.start()
        endpoints.serve_metrics(settings.metrics, self._overview, self._ledger, self._tls)

    def turn(self) -> None:
        """Take the figures that came; once a second see who is gone."""
        now = time.monotonic()
        self._slot.heartbeat(now)
        for report in self._desk.reports(PATIENCE_SECONDS):
            self._take(report.sender, report.figures)
        if now >= self._tick_at:
            self._tick_at = now + TICK_SECONDS
            self._look_at_certificates(now)
            self._tell_of_readiness()
            if gone := self._ledger.retire(self._overview.living()):
                self._archive.keep_retired(self._ledger, gone)
                self._count_lost(gone.values())
            self._count_own()

    def close(self) -> None:
        """Take the socket down."""
        self._desk.close()

    def _take(self, sender: Sender, figures: bytes) -> None:
        self._archive.keep(sender, figures)  # before anybody can see them
        self._ledger.take_unread(sender, figures)

    def _look_at_certificates(self, now: float) -> None:
        if now >= self._look_at:
            self._look_at = now + expiry.LOOK_SECONDS
            spans = expiry.spans(self._certificates)
            dates = {role: span.expires for role, span in spans.items()}
            self._figures.set_gauges("typha_cert_not_after_timestamp_seconds", dates)
            self._expiry.look(spans, time.time())

    def _tell_of_readiness(self) -> None:
        """Log when it goes and comes, and why: afterwards nobody could tell."""
        verdict = self._overview.verdict()
        if verdict.is_ready is self._was_ready:
            return
        self._was_ready = verdict.is_ready
        if verdict.is_ready:
            log.info("ready")
        else:
            told = logging.INFO if self._board.server.phase is Phase.DRAINING else logging.WARNING
            log.log(told, "not ready", extra={"problems": "; ".join(verdict.problems)})

    def _count_lost(self, gone: Iterable[Figures]) -> None:
        """Name the ending of connections whose worker could not: it was killed, or it crashed."""
        held = sum(figures.gauges.get(ACTIVE, {}).get("", 0) for figures in gone)
        self._figures.add("typha_connections_closed_total", CloseReason.WORKER_LOST.value, held)

    def _count_own(self) -> None:
        self._figures.set_counter("typha_log_errors", "", logs.errors())
        if self._tls:
            failures = self._tls.reload_failures
            self._figures.set_counter("typha_cert_reload_failures_total", "metrics", failures)
        news = self._figures.news()
        if news != self._told:
            self._told = news
            self._take(self._me, self._figures.to_bytes())


def run(settings: Settings, board: Scoreboard, rundir: Path) -> None:
    """Serve until the server stops."""
    ops = Ops(settings, board, rundir)
    while board.server.phase is not Phase.STOPPED:
        ops.turn()
    ops.close()
