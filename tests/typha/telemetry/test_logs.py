"""Setting logging up from settings."""

import json
import logging
import os
import subprocess
import sys
import threading

import pytest

from typha.config.resolution import Note
from typha.config.settings import LogSettings
from typha.telemetry import logs

log = logging.getLogger("typha.test_logs")


@pytest.fixture(autouse=True)
def _put_logging_back():
    """Leave the root logger as it was."""
    root = logging.getLogger()
    level, handlers = root.level, [*root.handlers]
    yield
    logs.close()
    root.setLevel(level)
    assert root.handlers == handlers


def settings(**changes):
    """Return settings for the screen alone, but for some changes."""
    values = {"severity_sys": "", "file_path": "", **changes}
    return LogSettings(**values)


def messages(capfd):
    """Return what was logged to the screen, without what comes before a message."""
    logs.close()
    return [line.partition(": ")[2] for line in capfd.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({}, ["error", "critical"]),
        ({"TYPHA_LOGSEVERITYSCREEN": "info"}, ["info", "warning", "error", "critical"]),
        ({"TYPHA_LOGSEVERITYSCREEN": "Warn"}, ["warning", "error", "critical"]),
        (
            {"TYPHA_EARLYLOGSEVERITYSCREEN": "fatal", "TYPHA_LOGSEVERITYSCREEN": "debug"},
            ["critical"],
        ),
        ({"TYPHA_EARLYLOGSEVERITYSCREEN": "panic"}, []),
        (
            {"TYPHA_LOGSEVERITYSCREEN": "none"},
            ['Unknown early log severity; using error severity="none"', "error", "critical"],
        ),
    ],
)
def test_early_lines_are_errors_unless_the_environment_says_otherwise(capfd, environ, shown):
    """In logrus' names for severities."""
    logs.configure_early(environ)
    for level in ("info", "warning", "error", "critical"):
        getattr(log, level)(level)
    assert messages(capfd) == shown


@pytest.mark.parametrize(
    ("severity", "shown"),
    [
        ("DEBUG", ["debug", "info", "warning", "error", "critical"]),
        ("WARNING", ["warning", "error", "critical"]),
        ("CRITICAL", []),
        ("", []),
    ],
)
def test_a_severity_lets_through_what_is_at_least_as_severe(capfd, severity, shown):
    """CRITICAL is what logrus calls panic: hardly anything."""
    logs.configure(settings(severity_screen=severity), logs.PARENT)
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(log, level)(level)
    assert [line.removesuffix(' role="parent"') for line in messages(capfd)] == shown


def test_each_sink_has_its_own_severity(tmp_path, capfd):
    """And the file is made with its folder."""
    path = tmp_path / "logs" / "typha.log"
    made = settings(file_path=str(path), severity_file="DEBUG", severity_screen="ERROR")
    logs.configure(made, "worker-1")
    log.debug("quiet")
    log.error("loud")
    assert messages(capfd) == ['loud role="worker-1"']
    assert [line.partition(": ")[2] for line in path.read_text().splitlines()] == [
        'quiet role="worker-1"',
        'loud role="worker-1"',
    ]


def test_json_lines(capfd):
    """One object each."""
    logs.configure(settings(format="json"), logs.PARENT)
    log.info("client closed", extra={"reason": "x"})
    found = json.loads(capfd.readouterr().out)
    assert (found["message"], found["reason"], found["role"]) == ("client closed", "x", "parent")


def test_the_parent_writes_without_a_thread(capfd):
    """It forks, and stays single-threaded for that."""
    before = threading.active_count()
    logs.configure(settings(), logs.PARENT)
    log.info("x")
    assert threading.active_count() == before
    assert messages(capfd) == ['x role="parent"']


FORKING = """
import logging, os
from typha.config.settings import LogSettings
from typha.telemetry import logs

settings = LogSettings(severity_sys="", file_path="")
log = logging.getLogger("typha.x")
logs.configure(settings, logs.PARENT)
log.info("parent")
child = os.fork()
if not child:
    logs.configure(settings, "worker-1")
    log.info("child")
    logs.close()
    os._exit(0)
os.waitpid(child, 0)
log.info("parent again")
"""


def test_a_child_logs_through_its_own_handlers_after_the_fork():
    """What the parent had configured is replaced, not doubled."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING], capture_output=True, text=True, check=True
    )
    assert [line.partition(": ")[2] for line in done.stdout.splitlines()] == [
        'parent role="parent"',
        'child role="worker-1"',
        'parent again role="parent"',
    ]


def test_configuring_again_replaces_what_was(tmp_path, capfd):
    """As on SIGHUP."""
    path = tmp_path / "typha.log"
    logs.configure(settings(file_path=str(path)), "ops")
    log.info("one")
    logs.configure(settings(severity_screen="WARNING"), "ops")
    log.info("two")
    log.warning("three")
    assert messages(capfd) == ['one role="ops"', 'three role="ops"']
    assert len(path.read_text().splitlines()) == 1


def test_a_log_file_somebody_asked_for_has_to_be_writable(tmp_path):
    """The parent does not start without it."""
    (tmp_path / "file").touch()
    required = settings(file_path=str(tmp_path / "file" / "x"), file_required=True)
    with pytest.raises(OSError, match="file"):
        logs.configure(required, logs.PARENT)


def test_a_sink_nobody_asked_for_is_done_without(tmp_path, capfd):
    """With one warning, by the parent."""
    (tmp_path / "file").touch()
    optional = settings(file_path=str(tmp_path / "file" / "x"))
    logs.configure(optional, logs.PARENT)
    logs.configure(optional, "worker-1")
    (line,) = messages(capfd)
    assert line.startswith("Log sink cannot be opened error=FileExistsError: ")
    assert 'sink="file"' in line


def test_notes_from_before_are_told(capfd):
    """At their level, with their fields."""
    logs.configure(settings(), logs.PARENT)
    logs.tell([Note(logging.WARNING, "100% wrong", {"setting": "X"})])
    assert messages(capfd) == ['100% wrong role="parent" setting="X"']


def test_lost_lines_are_counted_beyond_their_handler():
    """The figure must not go back when the settings are read again."""
    before = logs.errors()
    reading, writing = os.pipe()
    os.close(reading)
    saved = os.dup(1)
    os.dup2(writing, 1)
    try:
        logs.configure(settings(), logs.PARENT)
        log.info("into a pipe that nobody reads")
        log.info("twice")
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(writing)
    assert logs.errors() == before + 2
    logs.close()
    assert logs.errors() == before + 2
