"""What ops serves, and where: probes, metrics, the status page, and the debugging texts."""

import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final

from typha.config.settings import DebugSettings, HealthSettings, MetricsSettings
from typha.ops import health, httpd, status_page
from typha.ops.httpd import Answer, Request, Respond
from typha.ops.ledger import Ledger
from typha.ops.overview import Overview
from typha.ops.scrape_tls import ScrapeTls
from typha.telemetry import memory, reporting

SOCKET_NAME: Final = "status.sock"  # for commands on this machine, whatever is switched off


def serve_status(rundir: Path, settings: HealthSettings, overview: Overview) -> None:
    """Serve the status page to this machine's commands, and with the probes where set."""
    pages = status_page.pages(overview)
    httpd.serve(str(rundir / SOCKET_NAME), 0, httpd.routes({**pages, **probes(overview)}))
    if settings.enabled:
        respond = httpd.routes({**pages, **probes(overview)})
        httpd.serve(settings.host, settings.port, respond, settings="Health")


def serve_metrics(
    settings: MetricsSettings, overview: Overview, ledger: Ledger, tls: ScrapeTls | None
) -> None:
    """Serve /metrics, if it is switched on."""
    if not settings.enabled:
        return
    from typha.ops import census, exposition  # noqa: PLC0415 only here prometheus_client is needed

    collectors: list[object] = [
        exposition.FiguresCollector(ledger, overview.board, time.monotonic),
        census.ServerCollector(
            overview.board, time.monotonic, lambda: overview.verdict().is_ready
        ),
    ]
    if settings.process_metrics:
        collectors.append(census.TreeCollector(overview.board))
    metrics = exposition.respond_from(exposition.registry(collectors))
    respond = httpd.routes({"/metrics": metrics})
    httpd.serve(settings.host, settings.port, respond, tls, settings="PrometheusMetrics")


def serve_debug(settings: DebugSettings, overview: Overview) -> None:
    """Serve stacks and memory reports of every process, if a port is set."""
    if settings.port:
        respond = httpd.routes(debug_pages(overview))
        httpd.serve(settings.host, settings.port, respond, settings="Debug")


def probes(overview: Overview) -> Mapping[str, Respond]:
    """Return the two paths that a kubelet asks, with the same table for both."""

    def probe(request: Request) -> Answer:
        verdict = overview.verdict()
        good = verdict.is_live if request.path == "/liveness" else verdict.is_ready
        status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
        return Answer(status, httpd.TEXT, health.table(verdict.rows).encode())

    return {"/liveness": probe, "/readiness": probe}


def debug_pages(overview: Overview) -> Mapping[str, Respond]:
    """Return the debugging paths; those of Go's profiler that mean something here lead there."""

    def stacks(_request: Request) -> Answer:
        return _texts({"ops": reporting.stacks(), **overview.texts("stacks")})

    def sizes(_request: Request) -> Answer:
        return _texts({"ops": memory.report(), **overview.texts("memory")})

    def index(_request: Request) -> Answer:
        return Answer(HTTPStatus.OK, httpd.TEXT, b"/debug/stacks\n/debug/memory\n")

    return {
        "/": index,
        "/debug/pprof/": index,
        "/debug/stacks": stacks,
        "/debug/memory": sizes,
        "/debug/pprof/goroutine": stacks,
        "/debug/pprof/heap": sizes,
    }


def _texts(by_process: Mapping[str, str]) -> Answer:
    parts = [f"==== {name}\n{text}\n" for name, text in by_process.items()]
    return Answer(HTTPStatus.OK, httpd.TEXT, "".join(parts).encode(errors="replace"))
