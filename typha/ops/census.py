"""Metrics that no process counts: of the tree, the scoreboard and the kernel."""

import resource
from collections.abc import Callable, Iterator

from prometheus_client.core import Metric

import typha
from typha.ops import proc
from typha.scoreboard import SYNCERS, Phase, Scoreboard

Clock = Callable[[], float]


class ServerCollector:
    """How the server stands, and how its processes fare."""

    def __init__(self, board: Scoreboard, clock: Clock, is_ready: Callable[[], bool]) -> None:
        """Take the scoreboard, and what readiness says; `clock` is monotonic."""
        self._board = board
        self._clock = clock
        self._is_ready = is_ready

    def collect(self) -> Iterator[Metric]:
        """Give the families."""
        yield from self._server()
        yield from self._processes()

    def _server(self) -> Iterator[Metric]:
        server, watcher = self._board.server, self._board.watcher
        draining = server.phase is Phase.DRAINING
        yield _gauge("typha_build_info", "Always 1.", 1, version=typha.__version__)
        yield _gauge("typha_ready", "1 while readiness is good.", int(self._is_ready()))
        yield _gauge(
            "typha_connection_limit",
            "Connections the server may hold; 0: no limit.",
            server.connection_limit,
        )
        yield _gauge("typha_nodes", "Nodes, as counted for the limit.", server.nodes)
        yield _gauge("typha_typhas", "Typhas, as counted for the limit.", server.typhas)
        yield _gauge("typha_draining", "1 while the server is shutting down.", int(draining))
        yield _gauge(
            "typha_drain_remaining",
            "Connections left to shed in a shutdown.",
            self._board.connections() if draining else 0,
        )
        in_sync = Metric("typha_in_sync", "1 when a syncer's clients have everything.", "gauge")
        for syncer in SYNCERS:
            in_sync.add_sample(in_sync.name, {"syncer": syncer}, int(watcher.in_sync(syncer)))
        yield in_sync

    def _processes(self) -> Iterator[Metric]:
        now = self._clock()
        restarts = Metric(
            "typha_process_restarts_total", "Times a process was replaced.", "counter"
        )
        hung = Metric(
            "typha_process_hung_total", "Times one was killed for not answering.", "counter"
        )
        silent = Metric(
            "typha_process_silent_seconds", "Time since a process's last heartbeat.", "gauge"
        )
        memory = Metric(
            "typha_process_memory_bytes", "Memory of a process, its share of shared.", "gauge"
        )
        for name, slot in self._board.posts().items():
            labels = {"process": name}
            restarts.add_sample(restarts.name, labels, slot.restarts)
            hung.add_sample(hung.name, labels, slot.hung)
            silent.add_sample(silent.name, labels, slot.silent_for(now) if slot.pid else 0.0)
            resident = proc.usage(slot.pid).resident_bytes if slot.pid else 0
            memory.add_sample(memory.name, labels, resident)
        yield from (restarts, hung, silent, memory)


class TreeCollector:
    """The usual families of a process, over the whole tree."""

    def __init__(self, board: Scoreboard) -> None:
        """Take the scoreboard, which knows who belongs to the tree."""
        self._board = board
        self._cpu = 0.0

    def collect(self) -> Iterator[Metric]:
        """Give the families."""
        parent = self._board.server.parent_pid
        children = [slot.pid for slot in self._board.posts().values() if slot.pid]
        main = proc.usage(parent)
        usages = [main, *map(proc.usage, children)]
        # The time of children that ended is the parent's from then on: nothing goes backwards.
        cpu = sum(each.cpu_seconds for each in usages) + main.reaped_seconds
        self._cpu = max(self._cpu, cpu)  # one that ends while we look is in neither number
        traffic = proc.traffic(parent)
        yield _counter("process_cpu_seconds_total", "CPU time.", self._cpu)
        yield _gauge(
            "process_resident_memory_bytes",
            "Memory; what is shared counts once.",
            sum(each.resident_bytes for each in usages),
        )
        yield _gauge(
            "process_virtual_memory_bytes",
            "Address space in use.",
            sum(each.virtual_bytes for each in usages),
        )
        yield _gauge(
            "process_virtual_memory_max_bytes",
            "Address space a process may use.",
            _limit(resource.RLIMIT_AS),
        )
        yield _gauge("process_open_fds", "Open files.", sum(each.open_files for each in usages))
        yield _gauge(
            "process_max_fds", "Open files a process may have.", _limit(resource.RLIMIT_NOFILE)
        )
        yield _gauge("process_start_time_seconds", "Start of the server, Unix time.", main.started)
        yield _counter(
            "process_network_receive_bytes_total",
            "Bytes received by the machine.",
            traffic.received,
        )
        yield _counter(
            "process_network_transmit_bytes_total", "Bytes sent by the machine.", traffic.sent
        )


def _gauge(name: str, text: str, value: float, **labels: str) -> Metric:
    metric = Metric(name, text, "gauge")
    metric.add_sample(name, labels, value)
    return metric


def _counter(name: str, text: str, value: float) -> Metric:
    metric = Metric(name, text, "counter")
    metric.add_sample(name, {}, value)
    return metric


def _limit(kind: int) -> float:
    """Return a limit as the original shows it: no limit is the greatest number there is."""
    soft = resource.getrlimit(kind)[0]
    return float(2**64 - 1) if soft == resource.RLIM_INFINITY else float(soft)
