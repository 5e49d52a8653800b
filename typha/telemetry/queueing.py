"""From a log record to a sink, without ever holding up who logs.

A queue of 100 lines and a writer thread stand in between, as in the original: lines that find the
queue full are dropped and counted, unless one is told to wait.  The thread starts with the first
line, so after the fork; the parent, which must stay single-threaded, writes directly.
"""

import logging
import queue
import threading
import time
from typing import Final

from typha.telemetry.layouts import Layout
from typha.telemetry.sinks import Sink

QUEUE_LINES: Final = 100  # the original's
_FLUSH_SECONDS: Final = 1.0  # a sink that takes longer shall not keep a process from ending
_NOTICE_SECONDS: Final = 0.01


class SinkHandler(logging.Handler):
    """Lays records out and hands the lines to one sink, counting what is lost."""

    def __init__(self, sink: Sink, layout: Layout) -> None:
        super().__init__()
        self.setFormatter(layout)
        self._sink = sink
        self.errors = 0  # failed writes and dropped lines

    def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]  # typing.override came with 3.12
        """Write the record; one that cannot be laid out is shown on stderr, with where it is."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001  a wrong log call must not end who logs
            self.handleError(record)
        else:
            self.put(line)

    def put(self, line: str) -> None:
        """Take one line."""
        self.write(line)

    def write(self, line: str) -> None:
        """Write one line; a failure is counted, as there is nowhere to report it."""
        try:
            self._sink.write(line)
        except OSError:
            self.errors += 1

    def close(self) -> None:  # type: ignore[explicit-override]  # as above
        """Let go of the sink."""
        super().close()
        self._sink.close()


class QueueingHandler(SinkHandler):
    """The same through a bounded queue and a thread of its own."""

    def __init__(self, sink: Sink, layout: Layout, *, wait: bool) -> None:
        super().__init__(sink, layout)
        self._wait = wait
        self._lines: queue.Queue[str | None] = queue.Queue(QUEUE_LINES)
        self._dropped = 0  # since the last line that was written
        self._counting = threading.Lock()
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]  # as above
        """Queue the record; fatal ones are on their way out before this returns."""
        super().emit(record)
        if record.levelno >= logging.CRITICAL:
            self.flush()

    def put(self, line: str) -> None:  # type: ignore[explicit-override]  # as above
        """Queue one line; logging holds this handler's lock around it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._drain, name="log", daemon=True)
            self._thread.start()
        if self._wait:
            self._lines.put(line)
            return
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            with self._counting:
                self._dropped += 1
            self.errors += 1

    def flush(self) -> None:  # type: ignore[explicit-override]  # as above
        """Wait until what is queued is written, for a second at most."""
        deadline = time.monotonic() + _FLUSH_SECONDS
        while self._lines.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(_NOTICE_SECONDS)

    def close(self) -> None:  # type: ignore[explicit-override]  # as above
        """Write what is queued, end the thread and let go of the sink.

        A thread that hangs in its sink keeps it: the descriptor must not become another file.
        """
        self.flush()
        if self._lines.unfinished_tasks:
            logging.Handler.close(self)
            return
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(_FLUSH_SECONDS)
        super().close()

    def _drain(self) -> None:
        while (line := self._lines.get()) is not None:
            with self._counting:
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self.write(f"... dropped {dropped} logs ...")
            self.write(line)
            self._lines.task_done()
