"""Setting logging up: once per process, and again whenever the settings change.

Everybody logs through logging.getLogger(__name__), with a constant message and what varies in
`extra`: log.info("client closed", extra={"reason": reason}).  The parent configures before it
forks and writes directly; each child configures again after the fork and gets its own threads.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import ClassVar, Final, Protocol

from typha.telemetry import layouts
from typha.telemetry.layouts import PANIC, LayOut, Layout
from typha.telemetry.queueing import QueueingHandler, SinkHandler
from typha.telemetry.sinks import File, Screen, Sink, Syslog

PARENT: Final = "parent"

# The severities of the settings; CRITICAL is what logrus calls panic, so nearly nothing.
_SEVERITIES: Final = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": PANIC,
}
_EARLY_VARIABLES: Final = ("TYPHA_EARLYLOGSEVERITYSCREEN", "TYPHA_LOGSEVERITYSCREEN")
_EARLY_SEVERITIES: Final = {  # logrus' names
    "panic": PANIC,
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}
# These tell in debug lines what we tell ourselves, and would tell it in ours.
_CHATTY: Final = ("urllib3", "kubernetes", "watchfiles", "grpc")

log = logging.getLogger(__name__)


class Settings(Protocol):
    """What typha.config says about logs; an empty severity or path switches a sink off."""

    @property
    def file_path(self) -> str:
        """The log file."""

    @property
    def file_required(self) -> bool:
        """Whether the server shall not start without that file."""

    @property
    def severity_file(self) -> str:
        """The least severity that goes there."""

    @property
    def severity_screen(self) -> str:
        """The same for standard output."""

    @property
    def severity_sys(self) -> str:
        """The same for syslog."""

    @property
    def format(self) -> str:
        """Either text or json."""

    @property
    def wait_for_sinks(self) -> bool:
        """Whether to wait for slow sinks rather than to drop lines."""


class Note(Protocol):
    """Something that was noticed before logging stood."""

    @property
    def level(self) -> int:
        """How severe it is, as logging counts."""

    @property
    def message(self) -> str:
        """What it is."""

    @property
    def fields(self) -> Mapping[str, str]:
        """What varies."""


class _Plan:
    """The handlers that one process is going to have, and the sinks it has to do without."""

    def __init__(self, settings: Settings, role: str) -> None:
        self.handlers: list[SinkHandler] = []
        self.lacking: dict[str, OSError] = {}
        self._settings = settings
        self._role = role

    def add(self, name: str, sink_type: Callable[[], Sink], severity: str) -> None:
        """Add a sink from a severity on, unless that is empty; raise OSError if it is required."""
        if not severity:
            return
        try:
            sink = sink_type()
        except OSError as error:
            if name == "file" and self._settings.file_required and self._role == PARENT:
                raise
            self.lacking[name] = error
            return
        handler = self._handler(sink, Layout(self._lay_out(name), self._role))
        handler.setLevel(_SEVERITIES[severity])
        self.handlers.append(handler)

    def _lay_out(self, name: str) -> LayOut:
        if name == "syslog":
            return layouts.syslog
        return layouts.json if self._settings.format == "json" else layouts.text

    def _handler(self, sink: Sink, layout: Layout) -> SinkHandler:
        if self._role == PARENT:
            return SinkHandler(sink, layout)
        return QueueingHandler(sink, layout, wait=self._settings.wait_for_sinks)


class _Installed:
    """What this process logs through; `lost` is what closed handlers had counted."""

    handlers: ClassVar[list[SinkHandler]] = []
    lost: ClassVar[int] = 0

    @classmethod
    def replace(cls, handlers: list[SinkHandler]) -> None:
        """Log through these from now on; close the ones before."""
        root = logging.getLogger()
        before, cls.handlers = cls.handlers, handlers
        for handler in handlers:
            root.addHandler(handler)
        root.setLevel(min((handler.level for handler in handlers), default=PANIC + 1))
        for handler in before:
            root.removeHandler(handler)
            handler.close()
            cls.lost += handler.errors


def configure_early(environ: Mapping[str, str]) -> None:
    """Log to standard output until the settings are known, errors only unless told otherwise."""
    name = next((environ[name] for name in _EARLY_VARIABLES if environ.get(name)), "error")
    handler = SinkHandler(Screen(), Layout(layouts.text, ""))
    handler.setLevel(_EARLY_SEVERITIES.get(name.lower(), logging.ERROR))
    _Installed.replace([handler])
    if name.lower() not in _EARLY_SEVERITIES:
        log.error("Unknown early log severity; using error", extra={"severity": name})


def configure(settings: Settings, role: str) -> None:
    """Log as the settings say; `role` names the process, PARENT the one without threads.

    Raise OSError if the log file cannot be opened and somebody asked for it.  What was configured
    before is closed.
    """
    plan = _Plan(settings, role)
    plan.add("screen", Screen, settings.severity_screen)
    if settings.file_path:
        plan.add("file", partial(File, settings.file_path), settings.severity_file)
    plan.add("syslog", Syslog, settings.severity_sys)
    _Installed.replace(plan.handlers)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for sink, error in plan.lacking.items() if role == PARENT else ():  # once, not in each child
        log.warning("Log sink cannot be opened", extra={"sink": sink, "error": error})


def tell(notes: Iterable[Note]) -> None:
    """Log what was noticed before logging stood."""
    for note in notes:
        log.log(note.level, "%s", note.message, extra=dict(note.fields))


def errors() -> int:
    """Return how many lines this process has lost: failed writes and full queues."""
    return _Installed.lost + sum(handler.errors for handler in _Installed.handlers)


def close() -> None:
    """Write what is queued, for a second at most, and stop logging; for before os._exit()."""
    _Installed.replace([])
