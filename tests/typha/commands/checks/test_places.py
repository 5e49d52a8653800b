"""What `typha check` says of folders and ports."""

import socket

import pytest

from typha.commands.checks import places
from typha.config.settings import (
    HealthSettings,
    LogSettings,
    ProcessSettings,
    ServerSettings,
    Settings,
)
from typha.parent import rundir

NO_LOG = LogSettings(file_path="")


def found(logs=NO_LOG, **parts):
    """Return verdicts by subject."""
    server = parts.pop("server", ServerSettings(host="127.0.0.1", port=0))
    findings = places.find(Settings(logs=logs, server=server, **parts))
    return {finding.subject: finding.verdict.value for finding in findings}


def test_a_free_port_and_one_in_use():
    """The one in use may be the server's own."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        health = HealthSettings(enabled=True, host="127.0.0.1", port=port)
        verdicts = {"RunDir": "ok", "ServerPort": "ok", "HealthPort": "warning"}
        assert found(health=health) == verdicts
    assert found(health=health)["HealthPort"] == "ok"


def test_an_address_of_another_machine():
    """Nothing can listen there."""
    assert found(server=ServerSettings(host="192.0.2.1", port=1))["ServerPort"] == "error"
    assert found(server=ServerSettings(host="a..b", port=1))["ServerPort"] == "error"


def test_a_log_file_is_made_with_its_folders(tmp_path):
    """If anything on the way can be written."""
    path = str(tmp_path / "a" / "b" / "typha.log")
    assert found(LogSettings(file_path=path))["LogFilePath"] == "ok"
    assert "LogFilePath" not in found(LogSettings(file_path=path, severity_file=""))
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(("required", "verdict"), [(True, "error"), (False, "warning")])
def test_a_log_file_below_a_file(tmp_path, required, verdict):
    """It forbids to start only if somebody asked for it."""
    (tmp_path / "file").touch()
    logs = LogSettings(file_path=str(tmp_path / "file" / "x"), file_required=required)
    assert found(logs)["LogFilePath"] == verdict
    folder = LogSettings(file_path=str(tmp_path), file_required=required)
    assert found(folder)["LogFilePath"] == verdict


def test_folders_that_are_set(tmp_path):
    """They may be made; a file of their name forbids it."""
    (tmp_path / "file").touch()
    processes = ProcessSettings(
        run_dir=str(tmp_path / "run"), checkpoint_dir=str(tmp_path / "file"), warm_start=True
    )
    verdicts = found(processes=processes)
    assert (verdicts["RunDir"], verdicts["CheckpointDir"]) == ("ok", "error")


def test_a_run_directory_that_the_server_would_refuse(tmp_path):
    """With its own words; one that is in use may be that of this server."""
    (tmp_path / "precious").touch()
    assert found(processes=ProcessSettings(run_dir=str(tmp_path)))["RunDir"] == "error"
    below = str(tmp_path / "precious" / "run")
    assert found(processes=ProcessSettings(run_dir=below))["RunDir"] == "error"
    long = str(tmp_path / ("x" * rundir.LONGEST_PATH))
    assert found(processes=ProcessSettings(run_dir=long))["RunDir"] == "error"


def test_no_place_for_a_run_directory(tmp_path, monkeypatch):
    """As in a container where nothing may be written, and no place is named."""
    monkeypatch.setattr(rundir, "_homes", lambda: (tmp_path / "missing",))
    assert found()["RunDir"] == "error"


def test_a_run_directory_in_use(short_folder):
    """As where check is run beside the server."""
    taken = rundir.open_(str(short_folder / "run"))
    try:
        processes = ProcessSettings(run_dir=str(short_folder / "run"))
        assert found(processes=processes)["RunDir"] == "warning"
    finally:
        taken.remove()
    assert found(processes=processes)["RunDir"] == "ok"


@pytest.mark.parametrize(
    ("mode", "verdict"),
    [(0o700, "ok"), (0o2770, "ok"), (0o755, "warning"), (0o777, "error"), (None, "warning")],
)
def test_where_the_checkpoint_is_kept(tmp_path, mode, verdict):
    """It outlives the container, and nobody else writes to it; a volume's group may."""
    folder = tmp_path / "volume"
    if mode is not None:
        folder.mkdir()
        folder.chmod(mode)
    warm = ProcessSettings(checkpoint_dir=str(folder), warm_start=True)
    assert found(processes=warm)["CheckpointDir"] == verdict


def test_a_checkpoint_folder_without_a_warm_start(tmp_path):
    """It does nothing."""
    cold = ProcessSettings(checkpoint_dir=str(tmp_path))
    assert found(processes=cold)["CheckpointDir"] == "warning"
