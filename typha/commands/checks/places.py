"""Places: folders the server writes to, and ports it listens at."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from typha.config import findings
from typha.config.findings import Finding, Verdict
from typha.config.settings import Settings
from typha.parent import rundir


def find(settings: Settings) -> Iterator[Finding]:
    """Look at every folder and every port."""
    yield from _log_file(settings)
    processes = settings.processes
    if processes.run_dir:
        yield _run_dir(Path(processes.run_dir).absolute())
    else:
        yield _private_run_dir()
    if processes.warm_start:
        yield _volume(Path(processes.checkpoint_dir))
    elif processes.checkpoint_dir:
        advice = "without WarmStart nothing is kept there"
        yield findings.warning("CheckpointDir", f"{processes.checkpoint_dir} is not used", advice)
    for subject, host, port in _ports(settings):
        yield _port(subject, host, port)


def _log_file(settings: Settings) -> Iterator[Finding]:
    logs = settings.logs
    if not logs.file_path or not logs.severity_file:
        return
    path = Path(logs.file_path)
    trouble = _cannot_append(path)
    if not trouble:
        yield findings.ok("LogFilePath", f"{path} can be written")
    elif logs.file_required:
        yield findings.error("LogFilePath", f"{path}: {trouble}", "none switches the file off")
    else:
        message = f"no file will be written, as {path}: {trouble}"
        yield findings.warning("LogFilePath", message, "none says that this is meant")


def _folder(subject: str, folder: Path) -> Finding:
    trouble = _cannot_fill(folder)
    if trouble:
        return findings.error(subject, f"{folder}: {trouble}")
    return findings.ok(subject, f"{folder} can be written")


def _run_dir(folder: Path) -> Finding:
    """Look for what would keep the server from taking it, beside that it cannot write there."""
    try:
        obstacle = rundir.unfit(folder)
    except OSError as error:
        obstacle = f"cannot be used: {error.strerror}"
    if obstacle:
        return findings.error("RunDir", f"{folder} {obstacle}")
    if rundir.is_alive(folder):
        message = f"{folder} is in use by a running server"
        return findings.warning("RunDir", message, "that is fine if it is this server")
    return _folder("RunDir", folder)


def _private_run_dir() -> Finding:
    """Look where it would be, as none is named."""
    try:
        return findings.ok("RunDir", f"a folder in {rundir.private_home()}, as none is named")
    except rundir.RunDirError as error:
        return findings.error("RunDir", str(error))


def _volume(folder: Path) -> Finding:
    """Look at what has to outlive the container, and to be ours alone."""
    found = _folder("CheckpointDir", folder)
    if found.verdict is not Verdict.OK:
        return found
    if not folder.is_dir():
        message = f"{folder} is not there: it is made, but lost with the container"
        return findings.warning("CheckpointDir", message, "mount a volume there")
    others = folder.stat().st_mode & stat.S_IRWXO
    if others & stat.S_IWOTH:
        message = f"{folder}: every user of the machine may write to it"
        return findings.error("CheckpointDir", message, "whoever does decides what clients see")
    if others:
        message = f"{folder}: every user of the machine may look into it"
        return findings.warning("CheckpointDir", message, "chmod 700")
    return found


def _cannot_append(path: Path) -> str:
    """Say why a file cannot be written or made; empty if it can."""
    if not os.access(path, os.F_OK):
        return _cannot_fill(path.parent)
    return "it is a folder" if path.is_dir() else _cannot_write(path)


def _cannot_fill(folder: Path) -> str:
    """Say why a folder cannot be written to or made; empty if it can."""
    places = (folder, *folder.absolute().parents)
    existing = next(place for place in places if os.access(place, os.F_OK))
    return _cannot_write(existing) if existing.is_dir() else f"{existing} is no folder"


def _cannot_write(path: Path) -> str:
    may = os.access(path, os.W_OK)
    return "" if may else f"{path} cannot be written by user {os.getuid()}"


def _ports(settings: Settings) -> Iterator[tuple[str, str, int]]:
    yield "ServerPort", settings.server.host, settings.server.port
    if settings.health.enabled:
        yield "HealthPort", settings.health.host, settings.health.port
    if settings.metrics.enabled:
        yield "PrometheusMetricsPort", settings.metrics.host, settings.metrics.port
    if settings.debug.port:
        yield "DebugPort", settings.debug.host, settings.debug.port


def _port(subject: str, host: str, port: int) -> Finding:
    """Bind a socket and let go of it; a port in use may be that of the server itself."""
    where = f"{host or 'every address'}, port {port}"
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, address = found[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"{where} is in use"
            return findings.warning(subject, message, "that is fine if this server is running")
        return findings.error(subject, f"{where}: {error.strerror}")
    except UnicodeError:
        return findings.error(subject, f"{where}: no host can have such a name")
    return findings.ok(subject, f"{where} is free")
