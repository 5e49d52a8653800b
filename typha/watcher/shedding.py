"""Makes the workers drop connections: counts, lets the governor decide, picks the fullest shard.

What was found by threads is taken here, on the thread that owns all state; the workers learn from
the scoreboard what is asked of them.
"""

import logging
import random
from typing import TYPE_CHECKING, Final

from typha.config.settings import RebalancingSettings, Settings
from typha.dialing import Address
from typha.scoreboard import SYNCERS, Phase, Scoreboard, Worker
from typha.syncproto.messages import SyncStatus
from typha.watcher import peers, rebalance
from typha.watcher.peers import Peers
from typha.watcher.rebalance import Bounds, Governor, Ground, Limit, View
from typha.watcher.service import Found, Unknown
from typha.watcher.stream import Stream

if TYPE_CHECKING:
    from typha.watcher.neighbours import Neighbours

log = logging.getLogger(__name__)

NEWCOMER_SECONDS: Final = 60.0  # so that nobody is sent away twice in a minute
ASKED_SECONDS: Final = 2.0  # for a worker to do what it was asked; then another one is


class Shedding:
    """The limit of this server, and what follows from it."""

    def __init__(self, settings: Settings, board: Scoreboard, now: float) -> None:
        """Begin with the upper limit; nobody is counted yet."""
        rebalancing = settings.rebalancing
        self._board = board
        self._port = settings.server.port
        self._bounds = Bounds(rebalancing.lower_limit, rebalancing.upper_limit)
        self._governor = Governor(rebalancing.drop_interval, self._bounds, now)
        self._neighbours = _neighbours(rebalancing)
        self._peers = (
            Peers(settings.tls, rebalancing.peer_cert_file, rebalancing.peer_key_file)
            if rebalancing.enabled and rebalancing.peer_cert_file
            else None
        )
        self._others: frozenset[Address] = frozenset()
        self._choices = 0  # Typhas that clients can choose from
        self._asked_at = now
        self._done = [slot.sheds_done for slot in board.workers]
        self._dropped = 0
        self._ground: Ground | None = None
        board.server.connection_limit = self._bounds.upper

    def start(self) -> None:
        """Begin to look around."""
        if self._neighbours is not None:
            self._neighbours.start()
        if self._peers is not None:
            self._peers.start()

    def stop(self) -> None:
        """Look around no more."""
        if self._neighbours is not None:
            self._neighbours.stop()
        if self._peers is not None:
            self._peers.seek(())

    @property
    def next_at(self) -> float:
        """Tell when `turn` has something to do."""
        return self._governor.next_at

    def turn(self, felix: Stream, now: float, *, is_cut_off: bool) -> None:
        """Do what is due; `felix` tells the nodes, `is_cut_off` that the datastore is lost."""
        news = None if self._neighbours is None else self._neighbours.take()
        if news is not None:
            self._take(news, felix)
        if self._peers is not None:
            self._peers.seek(self._others if is_cut_off else ())
        if now >= self.next_at:
            self._decide(now, is_cut_off=is_cut_off)

    def _take(self, news: Found | Unknown, felix: Stream) -> None:
        """Set the limit by what a poll came to."""
        is_complete = felix.status is SyncStatus.IN_SYNC
        nodes = rebalance.count_nodes(felix.store.keys()) if is_complete else None
        typhas = None
        if isinstance(news, Found):
            typhas = news.typhas
            self._choices = len({address.host for address in news.ready})
            self._others = frozenset(each for each in news.ready if not self._is_this(each))
        server = self._board.server
        server.typhas, server.nodes = typhas or 0, nodes or 0
        self._set(rebalance.limit(typhas, nodes, self._bounds))

    def _is_this(self, address: Address) -> bool:
        return address.port == self._port and peers.is_here(address.host)

    def _set(self, limit: Limit) -> None:
        server = self._board.server
        if limit.connections == server.connection_limit:
            return
        server.connection_limit = limit.connections
        about = {"limit": limit.connections, "reason": limit.reason.value}
        about |= {"typhas": server.typhas, "nodes": server.nodes}
        log.info("Calculated new connection limit.", extra=about)

    def _decide(self, now: float, *, is_cut_off: bool) -> None:
        self._settle_accounts(now)
        view = self._view(now, is_cut_off=is_cut_off)
        was_resting = self._governor.is_resting(now)
        ground = self._governor.decide(view, now, random.random())  # noqa: S311 - spreads load
        if self._board.server.phase is not Phase.SERVING:
            return
        if self._governor.is_resting(now) and not was_resting:
            log.warning("dropping connections does not help", extra={"active": view.active})
        if ground is not self._ground:
            about = {"ground": ground and ground.value, "active": view.active, "limit": view.limit}
            log.info("dropping connections" if ground else "dropping no more", extra=about)
        self._ground = ground
        if ground is not None:
            self._ask(ground, now)

    def _settle_accounts(self, now: float) -> None:
        """Count what the workers did, and ask nobody for long what it cannot do."""
        for index, slot in enumerate(self._board.workers):
            done = slot.sheds_done
            self._dropped += done - self._done[index] if done >= self._done[index] else done
            self._done[index] = done
            if slot.sheds_wanted() and now - self._asked_at > ASKED_SECONDS:
                slot.sheds_asked = done

    def _view(self, now: float, *, is_cut_off: bool) -> View:
        board, workers = self._board, self._workers()
        clients = {name: sum(slot.clients[name] for slot in workers) for name in SYNCERS}
        return View(
            active=board.connections() - sum(slot.sheds_wanted() for slot in workers),
            dropped=self._dropped,
            limit=board.server.connection_limit,
            typhas=self._choices,
            nodes=board.server.nodes,
            per_host=rebalance.connections_per_host(clients),
            is_cut_off=is_cut_off,
            has_fresh_peer=self._peers is not None and self._peers.is_one_fresh(now),
        )

    def _workers(self) -> list[Worker]:
        return [slot for slot in self._board.workers if slot.pid]

    def _ask(self, ground: Ground, now: float) -> None:
        """Have the fullest of those shards that have somebody to spare drop one connection."""
        hard = ground is Ground.UPPER
        self._board.server.newcomer_seconds = 0.0 if hard else NEWCOMER_SECONDS
        able = [slot for slot in self._workers() if slot.sheddable > slot.sheds_wanted()]
        if not able:
            return
        fullest = max(able, key=lambda slot: slot.active - slot.sheds_wanted())
        if not any(slot.sheds_wanted() for slot in able):
            self._asked_at = now
        fullest.sheds_asked = max(fullest.sheds_asked, fullest.sheds_done) + 1


def _neighbours(settings: RebalancingSettings) -> "Neighbours | None":
    if not settings.enabled:
        return None
    from typha.watcher import neighbours  # noqa: PLC0415 - brings libraries that others spare

    return neighbours.Neighbours(settings)
