"""The composition root, run as a program: what keeps a server from starting, and signals."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import free_ports

PROCESSES = {"parent", "ops", "watcher", "worker-0"}


def settings(folder: Path, **given: object) -> dict[str, str]:
    """Return the environment of a small server."""
    (folder / "manifests").mkdir(exist_ok=True)
    usual = {
        "DatastoreType": "file",
        "ManifestDir": folder / "manifests",
        "ServerHost": "127.0.0.1",
        "ServerPort": free_ports.take(),
        "Workers": 1,
        "LogFilePath": "none",
        "LogSeveritySys": "none",
        "RunDir": folder / "run",
    }
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TYPHA_")}
    mine = {f"TYPHA_{name.upper()}": str(value) for name, value in {**usual, **given}.items()}
    return environ | mine


class Running:
    """A server with its log in a file."""

    def __init__(self, folder: Path, *options: str, **given: object) -> None:
        self.environ = settings(folder, **given)
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "typha", "serve", *options],
                env=self.environ,
                stdout=log,
                stderr=log,
            )

    def log(self) -> str:
        """Return what it has said."""
        return self._log.read_text()

    def wait_for(self, said: str, count: int = 1) -> None:
        """Return when it has said something so many times."""
        deadline = time.monotonic() + 90
        while len(re.findall(said, self.log())) < count:
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)


@pytest.fixture
def start(short_folder):
    """Start servers; none outlives the test."""
    started: list[Running] = []

    def begin(*options: str, **given: object) -> Running:
        started.append(Running(short_folder, *options, **given))
        return started[-1]

    yield begin
    for server in started:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGINT)
        server.process.wait(90)


def refused(start, **given: object) -> str:
    """Start a server that cannot start, and return what it says."""
    server = start(**given)
    assert server.process.wait(90) == 1, server.log()
    return server.log()


def test_the_parent_imports_nothing_heavy():
    """Children are forked from it, each with a copy of what it holds."""
    heavy = "{'ssl', 'zmq', 'kubernetes', 'grpc', 'cryptography', 'prometheus_client', 'asyncio'}"
    program = f"import sys, typha.commands.serve; print({heavy} & set(sys.modules))"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "set()"


def test_a_wrong_setting_is_named_with_what_would_be_right(start):
    """The original retries for ever."""
    said = refused(start, DatastoreType="consul")
    assert "TYPHA_DATASTORETYPE" in said
    assert "consul" in said
    assert "Traceback" not in said


def test_a_log_file_that_cannot_be_written_is_named_by_its_setting(start, short_folder):
    """Where somebody asked for it."""
    said = refused(start, LogFilePath=short_folder)
    assert f"LogFilePath: '{short_folder}' cannot be used" in said
    assert "Is a directory" in said
    assert "Traceback" not in said


def test_a_busy_port_is_named_by_its_settings(start):
    """As one line with a hint."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(start, ServerPort=port)
    assert f"ServerHost=127.0.0.1 ServerPort={port}" in said
    assert "Traceback" not in said


def test_a_run_directory_with_other_files_is_not_touched(start, short_folder):
    """It would be emptied otherwise."""
    (short_folder / "run").mkdir()
    (short_folder / "run" / "precious").touch()
    assert "not ours" in refused(start)
    assert (short_folder / "run" / "precious").exists()


def test_certificates_that_are_none_keep_the_server_from_starting(start, short_folder):
    """The worker says so, and the server gives up instead of trying for ever."""
    garbage = short_folder / "garbage.pem"
    garbage.write_text("not a certificate")
    files = dict.fromkeys(["CAFile", "ServerCertFile", "ServerKeyFile"], garbage)
    said = refused(start, ClientCN="calico-node", **files)
    assert f"ServerCertFile '{garbage}' and ServerKeyFile '{garbage}' cannot be used" in said
    assert "Traceback" not in said
    assert "it cannot work with these settings" in said


def test_a_private_run_directory_is_made_and_removed(start):
    """Where none is set."""
    server = start(RunDir="none")
    server.wait_for("listening")
    (made,) = re.findall(r'runDir="?([^" ]+)', server.log())
    assert Path(made).is_dir()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(90) == 0
    assert not Path(made).exists()


@pytest.mark.parametrize("program", [("typha", "serve"), ("calico-typha",)])
def test_who_is_told_to_end_while_it_starts_does_so(short_folder, program):
    """A first process of a container would not hear it, any other end by it, and leave things."""
    file = short_folder / "typha.cfg"
    os.mkfifo(file)  # which is read until somebody has written
    command = [Path(sys.executable).with_name(program[0]), *program[1:], "-c", file]
    with subprocess.Popen(command, env=settings(short_folder)) as process:
        writer = os.open(file, os.O_WRONLY)
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0
        os.close(writer)


def test_probes_are_answered_while_the_datastore_is_away(start, monkeypatch):
    """Alive, not ready, and saying why; whoever wants to be served is sent elsewhere."""
    nobody, health = free_ports.take(), free_ports.take()
    monkeypatch.setenv("K8S_API_ENDPOINT", f"http://127.0.0.1:{nobody}")
    server = start(DatastoreType="kubernetes", HealthEnabled="true", HealthPort=health)
    answers = {}
    deadline = time.monotonic() + 90
    while len(answers) < 2:
        assert time.monotonic() < deadline, server.log()
        for path in ("liveness", "readiness"):
            with contextlib.suppress(OSError):
                probe = http.client.HTTPConnection("127.0.0.1", health, timeout=60)
                probe.request("GET", f"/{path}")
                answer = probe.getresponse()
                answers[path] = (answer.status, answer.read().decode())
                probe.close()
    assert answers["liveness"][0] == 200
    assert answers["readiness"][0] == 503
    assert "waiting for the datastore" in answers["readiness"][1]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(server.environ["TYPHA_SERVERPORT"])), 10)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(90) == 0


def test_sighup_reads_the_log_settings_again_in_every_process(start, short_folder):
    """What is in the file may have changed."""
    file = short_folder / "typha.cfg"
    file.write_text("LogSeverityScreen = info\n")
    server = start("--config-file", str(file))
    server.wait_for("listening")
    file.write_text("LogSeverityScreen = debug\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for('log settings reloaded role="[^"]+" severity="DEBUG"', len(PROCESSES))
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(90) == 0


def test_a_bad_file_at_sighup_changes_nothing(start, short_folder):
    """Not even for the parent, whose end would be everybody's."""
    file = short_folder / "typha.cfg"
    file.write_text("LogSeverityScreen = info\n")
    server = start("--config-file", str(file))
    server.wait_for("listening")
    file.write_text("DatastoreType = consul\nno delimiter here\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("log settings not reloaded", len(PROCESSES))
    file.write_text("LogSeverityScreen = verbose\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for('Replacing invalid value with default .*value="verbose"')
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(90) == 0


def test_sigusr1_writes_a_memory_report_of_every_process(start, short_folder):
    """Beside each other, with the time in their names."""
    pattern = short_folder / "heap-<timestamp>"
    server = start(DebugMemoryProfilePath=pattern)
    server.wait_for("listening")
    server.process.send_signal(signal.SIGUSR1)
    server.wait_for("memory report written", len(PROCESSES))
    files = list(short_folder.glob("heap-2*"))
    assert {file.suffix.removeprefix(".") for file in files} == PROCESSES


def test_calico_typha_starts_the_same_server(short_folder):
    """With the original's name and options."""
    file = short_folder / "typha.cfg"
    file.write_text("")
    environ = settings(short_folder)
    program = Path(sys.executable).with_name("calico-typha")
    with subprocess.Popen(
        [program, "-c", file], env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if "listening" in line:
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0
