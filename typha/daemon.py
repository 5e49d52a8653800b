"""The composition root of the server: what there is, made and joined in order.

The only module that knows the bodies of all processes.  Each is imported in the child that runs
it, after the fork, so that the parent stays small.
"""

import gc
import logging
import resource
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import typha
from typha.certs import exposure
from typha.config import listing, loading, settings as parts
from typha.config.errors import ConfigError
from typha.parent import children, listening, restarts, rundir, supervise
from typha.scoreboard import Scoreboard
from typha.telemetry import logs, memory

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Where the settings are written."""

    environ: Mapping[str, str]
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What exists before the first fork, and all that does."""

    settings: parts.Settings
    board: Scoreboard
    listener: socket.socket
    folder: Path


def run(configuration: Configuration) -> int:
    """Run the server to its end and return the exit code.

    Raises ConfigError, rundir.RunDirError, listening.ListenError or OSError for what keeps it from
    starting at all.
    """
    logs.configure_early(configuration.environ)
    log.info("Typha starting up", extra={"version": typha.__version__})
    settings = _load(configuration)
    _allow_many_connections()
    listener = listening.bind(settings.server.host, settings.server.port)
    folder = rundir.open_(settings.processes.run_dir)
    try:
        board = Scoreboard(settings.processes.workers)
        premises = Premises(settings=settings, board=board, listener=listener, folder=folder.path)
        return _supervise(premises, _hooks(configuration, settings.debug))
    finally:
        folder.remove()
        logs.close()


def _load(configuration: Configuration) -> parts.Settings:
    """Read the settings, and begin to log as they say."""
    log.info("Loading configuration...", extra={"file": configuration.file})
    loaded = loading.load(configuration.environ, configuration.file)
    try:
        logs.configure(loaded.settings.logs, logs.PARENT)
    except OSError as error:
        wanted = f"a file that can be written is expected, or none ({error.strerror})"
        raise ConfigError("LogFilePath", loaded.settings.logs.file_path, wanted) from error
    logs.tell(loaded.notes)
    rows = listing.rows(loaded, configuration.environ, configuration.file)
    given = {row.name: row.value for row in rows if row.source != "default"}
    log.info("Successfully loaded configuration.", extra=given)
    if not loaded.settings.tls.enabled:
        log.warning("Clients are served without TLS: anybody who reaches the port can read.")
    _warn_of_exposed_keys(loaded.settings)
    return loaded.settings


def _warn_of_exposed_keys(settings: parts.Settings) -> None:
    datastore = settings.datastore
    keys = {
        "ServerKeyFile": settings.tls.key_file,
        "PrometheusMetricsKeyFile": settings.metrics.key_file,
        "PeerKeyFile": settings.rebalancing.peer_key_file,
        "etcd key": datastore.etcd.key_file,
        "Kubernetes client key": datastore.kubernetes.key_file,
    }
    for setting, file in keys.items():
        if mode := exposure.readable_by_everybody(file) if file else "":
            warned = {"setting": setting, "file": file, "mode": mode}
            log.warning("A private key can be read by everybody on this machine", extra=warned)


def _allow_many_connections() -> None:
    """Raise the number of open files to what the system allows, as Go programs do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _supervise(premises: Premises, hooks: children.Hooks) -> int:
    settings, server = premises.settings, premises.settings.server
    log.info(
        "Creating server",
        extra={
            "host": server.host,
            "port": server.port,
            "workers": settings.processes.workers,
            "tlsEnabled": settings.tls.enabled,
            "datastore": settings.datastore.type,
            "maxConns": settings.rebalancing.upper_limit,
            "runDir": premises.folder,
        },
    )
    limits = supervise.Limits(
        shutdown=settings.shutdown.timeout, shutdown_interval=settings.shutdown.max_drop_interval
    )
    gc.collect()
    gc.freeze()  # children then share what is here instead of copying it page by page
    return supervise.Supervisor(
        _posts(premises), premises.board, premises.listener, hooks=hooks, limits=limits
    ).run()


def _posts(premises: Premises) -> list[children.Post]:
    """Name the processes in the order of their start: health answers from the first second."""
    board = premises.board
    workers = [
        children.Post(
            name=f"worker-{index}",
            slot=slot,
            body=_worker(premises, index),
            serves_clients=True,
        )
        for index, slot in enumerate(board.workers)
    ]
    return [
        children.Post(name="ops", slot=board.ops, body=_ops(premises)),
        children.Post(name="watcher", slot=board.watcher, body=_watcher(premises)),
        *workers,
    ]


def _ops(premises: Premises) -> Callable[[], None]:
    def body() -> None:
        logs.configure(premises.settings.logs, "ops")
        from typha.ops import process  # noqa: PLC0415 after the fork

        process.run(premises.settings, premises.board, premises.folder)

    return body


def _watcher(premises: Premises) -> Callable[[], None]:
    def body() -> None:
        logs.configure(premises.settings.logs, "watcher")
        from typha.watcher import process  # noqa: PLC0415 after the fork

        with _Hopeless(ImportError, ValueError):
            process.run(premises.settings, premises.board, premises.folder)

    return body


def _worker(premises: Premises, index: int) -> Callable[[], None]:
    def body() -> None:
        logs.configure(premises.settings.logs, f"worker-{index}")
        from typha.certs import contexts  # noqa: PLC0415 after the fork
        from workers import process  # noqa: PLC0415 after the fork

        with _Hopeless(contexts.UnusableError):
            process.run(
                index, premises.listener, premises.settings, premises.board, premises.folder
            )

    return body


class _Hopeless:
    """Errors of a body that starting it again will not mend: one line, and the code for it."""

    def __init__(self, *errors: type[Exception]) -> None:
        self._errors = errors

    def __enter__(self) -> None:
        """Let the body run."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Turn an error of these kinds into an exit code."""
        if isinstance(error, self._errors):
            # A ValueError may be a bug of ours, the others say all.
            trace = error if isinstance(error, ValueError) else None
            log.critical("cannot work", extra={"error": str(error)}, exc_info=trace)
            sys.exit(restarts.BOOT_FAILED)


def _hooks(configuration: Configuration, debug: parts.DebugSettings) -> children.Hooks:
    """Make what every process does on SIGHUP and SIGUSR1."""
    return children.Hooks(
        reload=partial(_reload, configuration), dump=partial(_dump, debug.memory_profile_path)
    )


def _reload(configuration: Configuration, name: str) -> None:
    """Read the log settings again, in the process with this name."""
    try:
        loaded = loading.load(configuration.environ, configuration.file)
        fresh = loaded.settings.logs
        logs.configure(replace(fresh, file_required=False), name)
    except (ConfigError, OSError) as error:
        log.error("log settings not reloaded", extra={"error": error})  # noqa: TRY400 no bug
        return
    log.info("log settings reloaded", extra={"severity": fresh.severity_screen})
    if name == logs.PARENT:  # one is enough to tell what is wrong with the file
        logs.tell(note for note in loaded.notes if note.level >= logging.WARNING)


def _dump(path: str, name: str) -> None:
    """Write what the process with this name uses its memory for."""
    if not path:
        log.info("no memory report: DebugMemoryProfilePath is not set")
        return
    try:
        file = memory.write(path, name)
    except OSError as error:
        log.error("no memory report", extra={"error": error})  # noqa: TRY400 no bug of ours
    else:
        log.info("memory report written", extra={"file": file})
