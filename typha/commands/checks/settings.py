"""Settings: what forbids to start, what is ignored or replaced, what is probably not meant."""

import difflib
import logging
from collections.abc import Iterator

from typha.config import cpus, findings, parameters
from typha.config.errors import ConfigError
from typha.config.findings import Finding
from typha.config.loading import Loaded
from typha.config.resolution import Note, Source
from typha.config.settings import Settings


def find(loaded: Loaded, errors: tuple[ConfigError, ...]) -> Iterator[Finding]:
    """Look at what was written, and at what it comes to."""
    for error in errors:
        value = repr(error.value) if error.value else "nothing"
        yield findings.error(error.setting, f"{value} cannot be used", error.accepted)
    for note in loaded.notes:
        yield from _of_note(note)
    written = sum(origin.source is not Source.DEFAULT for origin in loaded.origins.values())
    yield findings.ok("settings", f"{written} set, the others at their defaults")
    yield from _tls(loaded.settings)
    yield from _workers(loaded.settings)
    yield from _endpoints(loaded.settings)


def _of_note(note: Note) -> Iterator[Finding]:
    """Tell of what is ignored or replaced; an unknown name is likely a mistyped one."""
    fields = dict(note.fields)
    subject = fields.pop("setting", "settings")
    if "unknown setting" in note.message:
        close = difflib.get_close_matches(subject.lower(), parameters.BY_FOLDED_NAME, n=1)
        names = [parameters.BY_FOLDED_NAME[name].name for name in close]
        hint = f"is {names[0]} meant?" if names else ""
        yield findings.warning(subject, f"no setting has this name ({fields['source']})", hint)
    elif note.level >= logging.WARNING:
        details = ", ".join(f"{name} {value}" for name, value in fields.items() if value)
        yield findings.warning(subject, f"{note.message}: {details}")


def _tls(settings: Settings) -> Iterator[Finding]:
    if not settings.tls.enabled:
        message = "clients are served without TLS: anybody who reaches the port can read"
        hint = "`typha certs` makes certificates"
        yield findings.warning("TLS", message, hint)
        return
    wanted = [
        f"{what} {value}"
        for what, value in (
            ("common name", settings.tls.client_cn),
            ("URI", settings.tls.client_uri_san),
        )
        if value
    ]
    yield findings.ok("TLS", f"clients need a certificate with the {' or the '.join(wanted)}")


def _workers(settings: Settings) -> Iterator[Finding]:
    workers, available = settings.processes.workers, cpus.available()
    if workers > available:
        message = f"{workers} worker processes share {available} CPUs"
        yield findings.warning("Workers", message, "more than there are CPUs cannot help")
    else:
        yield findings.ok("Workers", f"{workers}, for {available} CPUs")


def _endpoints(settings: Settings) -> Iterator[Finding]:
    off = [
        name
        for name, part in (("health", settings.health), ("metrics", settings.metrics))
        if not part.enabled
    ]
    if off:
        yield findings.ok("endpoints", f"not served, as by default: {' and '.join(off)}")
    metrics = settings.metrics
    if metrics.enabled and metrics.https and not (metrics.cert_file and metrics.key_file):
        lacking = "KeyFile" if metrics.cert_file else "CertFile"
        message = "HTTPS needs a certificate and its key"
        yield findings.error(f"PrometheusMetrics{lacking}", message)
