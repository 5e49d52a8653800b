"""What a worker counts: plain numbers where it is hot, put into figures once a second."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from typha.syncproto.events import HelloAccepted
from typha.syncproto.frames import Frame
from typha.syncproto.messages import SyncerType
from typha.telemetry.closing import CloseReason
from typha.telemetry.figures import Figures
from workers.connection import Connection, Stage


class Counts:
    """Everything since the worker's start."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.figures = Figures()
        self.accepted = 0
        self.closed: Counter[CloseReason] = Counter()
        self.handshake_failures: Counter[str] = Counter()
        self.gaps: Counter[SyncerType] = Counter()
        self.catch_ups: Counter[SyncerType] = Counter()
        self.at_once: Counter[SyncerType] = (
            Counter()
        )  # frames sent to clients that waited for them
        self.later: Counter[SyncerType] = (
            Counter()
        )  # pieces of the log to clients that were behind
        self.streaming: Counter[SyncerType] = Counter()  # clients past their hello
        self.grace_used: Counter[SyncerType] = Counter()  # clients behind, but new
        self.reused: Counter[SyncerType] = Counter()  # snapshots sent to one more client
        self._versions: Counter[str] = Counter()
        self.reload_failures = 0
        self.certificates: dict[str, float] = {}  # expiry by role, Unix seconds
        self.fan_out_seconds = 0.0
        # The commonest of all that is observed, so its sketches are at hand.
        self._round_trips = {
            syncer: self.figures.summary("typha_ping_latency", syncer.value)
            for syncer in SyncerType
        }

    def fanned_out(
        self, syncer: SyncerType, frames: Sequence[Frame], clients: int, now: float
    ) -> None:
        """Count frames that have been handed to so many clients at once."""
        if not clients:
            return
        label = syncer.value
        summary = self.figures.summary
        for frame in frames:
            self.at_once[syncer] += clients
            if frame.kvs:
                summary("typha_kvs_per_msg", label).observe(frame.kvs, clients)
            if frame.born:
                summary("typha_convergence_seconds", label).observe(now - frame.born, clients)
        each = self.fan_out_seconds / clients
        summary("typha_client_write_latency_secs", label).observe(each, clients)
        summary("typha_client_latency_secs", label).observe(self.fan_out_seconds, clients)

    def ponged(self, syncer: SyncerType, round_trip: float) -> None:
        """Count a pong, so many seconds after its ping."""
        self._round_trips[syncer].observe(round_trip)

    def observe(self, name: str, syncer: SyncerType, value: float) -> None:
        """Count one value of a summary."""
        self.figures.summary(name, syncer.value).observe(value)

    def begun(self, hello: HelloAccepted) -> None:
        """Count a client in."""
        self.streaming[hello.syncer] += 1
        self._versions[hello.hello.version] += 1

    def ended(self, hello: HelloAccepted) -> None:
        """Count a client out."""
        self.streaming[hello.syncer] -= 1
        self._versions[hello.hello.version] -= 1
        self._versions += Counter()  # forgets versions that nobody has any more

    def gather(
        self, active: int, blocked: Iterable[Connection], dropped: int, now: float
    ) -> Figures:
        """Put everything into the figures, and give them; only blocked clients have a queue."""
        figures = self.figures
        figures.turn(now)
        figures.set_counter("typha_connections_accepted", "", self.accepted)
        figures.set_counter("typha_connections_dropped", "", dropped)
        _set_each(figures, "typha_connections_closed_total", self.closed)
        _set_each(figures, "typha_handshake_failures_total", self.handshake_failures)
        _set_each(figures, "typha_frame_gaps_total", self.gaps)
        _set_each(figures, "typha_catch_ups_total", self.catch_ups)
        _set_each(figures, "typha_connections_grace_used", self.grace_used)
        _set_each(figures, "typha_snapshots_reused", self.reused)
        _set_each(figures, "typha_breadcrumb_block", self.at_once)
        _set_each(figures, "typha_breadcrumb_non_block", self.later)
        figures.set_counter("typha_cert_reload_failures_total", "server", self.reload_failures)
        figures.set_gauges("typha_cert_not_after_timestamp_seconds", self.certificates)
        queued = [connection.queued_bytes for connection in blocked]
        figures.set_gauge("typha_connections_active", "", active)
        figures.set_gauge("typha_queued_bytes", "", sum(queued))
        figures.set_gauge("typha_queued_bytes_highest", "", max(queued, default=0))
        figures.set_gauges("typha_client_versions", dict(self._versions))
        for syncer in SyncerType:
            streaming = self.streaming[syncer]
            figures.set_gauge("typha_connections_streaming", syncer.value, streaming)
        return figures


def _set_each(figures: Figures, name: str, values: Counter[Any]) -> None:
    for label, value in values.items():
        figures.set_counter(name, label.value if hasattr(label, "value") else label, value)


def described(connection: Connection, worker: int, now: float) -> dict[str, object]:
    """Tell about one client, for people: JSON members of `typha clients`."""
    hello = connection.hello
    replica = connection.replica
    is_streaming = connection.state is Stage.STREAMING and replica is not None
    born = replica.log.born_at(connection.position) if replica and is_streaming else 0.0
    return {
        "id": connection.number,
        "hostname": hello.hello.hostname if hello else "",
        "address": connection.address,
        "syncer": hello.syncer.value if hello else "",
        "version": hello.hello.version if hello else "",
        "worker": worker,
        "since": connection.accepted_at,
        "state": connection.state.value,
        "sequence": connection.position if is_streaming else None,
        "behind": replica.last - connection.position if replica and is_streaming else None,
        "behind_seconds": round(now - born, 3) if born else 0.0,
        "queued_bytes": connection.queued_bytes,
        "last_pong": round(now - connection.last_pong, 3) if is_streaming else None,
        "round_trip": round(connection.round_trip, 6),
        "codec": (hello.codec.value or "plain") if hello else "",
        "dialect": hello.dialect.value if hello else "",
        "cn": connection.certificate_name,
        "cert_not_after": connection.certificate_expires,
    }
