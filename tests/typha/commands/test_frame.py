"""The frame of the command line: help, wrong usage, errors, interruption."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from typha import commands
from typha.config.errors import ConfigError

TYPHA = Path(sys.executable).parent / "typha"


def test_help_lists_every_command_without_loading_any(typha):
    """By what they are for; loading them all would take a second."""
    done = typha("--help")
    assert done.returncode == 0
    for section, listed in commands.SECTIONS.items():
        assert f"\n{section}:\n" in done.stdout
        for name in listed:
            assert f"\n  {name} " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    code = (
        "import sys; from typha.commands import run; run(['--help']);"
        "print({'zmq', 'cryptography', 'kubernetes', 'rich', 'yaml'} & {*sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert loaded.stdout.splitlines()[-1] == b"set()"


INTERRUPTED = """
import os, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from typha import __main__
getattr(__main__, sys.argv.pop(1))()
"""


@pytest.mark.parametrize("name", ["main", "calico_typha"])
def test_ctrl_c_while_modules_load_is_no_traceback(name):
    """It ends the process as it ends one that knows of no signal; who ignores it goes on."""
    command = [sys.executable, "-c", INTERRUPTED, name, "--version"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")
    ignoring = ["env", "--ignore-signal=INT", *command]
    assert subprocess.run(ignoring, capture_output=True, check=True).stdout


@pytest.mark.parametrize("name", [name for each in commands.SECTIONS.values() for name in each])
def test_every_command_has_a_help_page(typha, name):
    """Which says more than its line in the list."""
    done = typha(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: typha {name}")
    assert "\\b" not in done.stdout  # click's mark for lines to keep, where it was not understood


def test_no_command_shows_the_help_and_is_wrong_usage(typha):
    """On stderr, so that nobody takes it for output."""
    done = typha()
    assert (done.returncode, done.stdout) == (64, "")
    assert "Set up:" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["serv"], "typha: No such command 'serv'"),
        (["--x"], "typha: No such option '--x'"),
        (["config", "extra"], "typha config: Got unexpected extra argument (extra)"),
        (
            ["top", "--interval", "nan"],
            "typha top: Invalid value for '--interval': nan is no number of seconds",
        ),
        (
            ["status", "--timeout", "inf"],
            "typha status: Invalid value for '--timeout': inf is no number of seconds",
        ),
        (["certs"], "typha certs: Missing option '--dir'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_64(typha, arguments, line):
    """So that `typha check` has the 2 for itself."""
    done = typha(*arguments)
    command = line.partition(":")[0]
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == f"{line}; `{command} --help` lists what there is\n"


def test_the_same_by_the_name_of_the_module(typha):
    """`python -m typha` is the same program."""
    done = typha("-m", "typha", "version", program="python")
    assert done.returncode == 0
    assert done.stdout.startswith("Version: ")


ERRORS = [
    (commands.CommandError("no server there", "start one"), 1, "no server there (start one)"),
    (ConfigError("X", "1", "expected 2"), 1, "X: '1' cannot be used; expected 2"),
    (FileNotFoundError(2, "No such file or directory", "/x"), 1, "[Errno 2] No such file"),
    (ZeroDivisionError("by zero"), 70, "ZeroDivisionError: by zero; this is a bug"),
]


@pytest.mark.parametrize(("error", "code", "line"), ERRORS, ids=lambda value: str(value)[:20])
def test_an_error_is_one_line(capsys, error, code, line):
    """With the exit code of its kind."""
    assert commands.report(error, debug=False) == code
    shown = capsys.readouterr().err
    assert shown.startswith(f"typha: {line}")
    assert shown.count("\n") == 1


def test_debug_shows_the_traceback(typha, tmp_path):
    """Wherever on the line it stands."""
    (tmp_path / "file").touch()
    for arguments in (
        ["--debug", "certs", "--dir", "file/x"],
        ["certs", "--dir=file/x", "--debug"],
    ):
        done = typha(*arguments)
        assert done.returncode == 1
        assert "Traceback" in done.stderr
    assert "Traceback" not in typha("certs", "--dir", "file/x").stderr


def test_interrupting_is_quiet(monkeypatch, capsys):
    """And ends with what a shell expects."""

    @click.command
    def slow():
        signal.raise_signal(signal.SIGINT)  # to this thread, whatever others there are

    monkeypatch.setattr(commands.typha, "get_command", lambda _context, _name: slow)
    assert commands.run(["slow"]) == 130
    assert capsys.readouterr().err.strip() == ""


def test_a_reader_that_leaves_is_no_error():
    """As `head` does."""
    process = subprocess.Popen(
        f"{TYPHA} config --format json | true", shell=True, stderr=subprocess.PIPE
    )
    assert process.communicate()[1] == b""


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["typha check", "typha version", "calico-typha --version"])
def test_closed_streams_are_no_error(tmp_path, command, closed):
    """Some supervisors start their children so."""
    done = subprocess.run(
        f"exec {TYPHA.parent}/{command} {closed}",
        shell=True,
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
    )
    expected = 2 if "check" in command else 0  # there is no datastore here
    assert (done.returncode, done.stdout, done.stderr) == (expected, b"", b"")


def test_no_file_takes_the_place_of_a_closed_stream():
    """Else what is printed and logged would end up in it."""
    code = (
        "import os, tempfile; from typha.commands import streams; streams.prepare();"
        "file = tempfile.TemporaryFile(); print('x', flush=True);"
        "raise SystemExit(os.fstat(file.fileno()).st_size or file.fileno() <= 2)"
    )
    for closed in (">&-", "<&- >&- 2>&-"):
        line = f"exec {sys.executable} -c {shlex.quote(code)} {closed}"
        assert subprocess.run(line, shell=True, check=False).returncode == 0
