"""Reading the configuration from where it really is."""

import subprocess
import sys

import pytest

from typha.config import loading
from typha.config.errors import ConfigError


def test_the_file_is_read(tmp_path):
    """Bytes that are not UTF-8 do no harm."""
    file = tmp_path / "typha.cfg"
    file.write_bytes(b"# \xff\n[global]\nServerPort = 1234\nLogFilePath = None\n")
    loaded = loading.load({}, str(file))
    assert loaded.settings.server.port == 1234
    assert loaded.settings.logs.file_path == ""


@pytest.mark.parametrize("path", ["absent.cfg", "file/below"])
def test_a_missing_file_is_ignored(tmp_path, path):
    """But told, in case it was meant to be there."""
    (tmp_path / "file").touch()
    loaded = loading.load({}, str(tmp_path / path))
    assert [note.message for note in loaded.notes] == ["Ignoring absent config file"]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    """A folder, for one; the original would try for ever."""
    with pytest.raises(ConfigError, match="--config-file"):
        loading.load({}, str(tmp_path))


def test_a_file_that_is_no_ini_is_an_error_with_its_line(tmp_path):
    """The original would try for ever."""
    file = tmp_path / "typha.cfg"
    file.write_text("{}\n")
    with pytest.raises(ConfigError, match=r"typha\.cfg, line 1"):
        loading.load({}, str(file))


def test_files_are_looked_for_on_the_disk(tmp_path):
    """A path that no file can have is a missing one."""
    key = tmp_path / "key"
    key.touch()
    environ = {"TYPHA_SERVERKEYFILE": str(key), "TYPHA_CAFILE": "x" * 5000}
    _, errors = loading.examine(environ, str(tmp_path / "absent"))
    assert [error.setting for error in errors if error.value] == ["TYPHA_CAFILE"]


def test_everything_wrong_is_found_at_once(tmp_path):
    """Though a server names only the first."""
    file = tmp_path / "typha.cfg"
    file.write_text("no delimiter\n")
    environ = {"TYPHA_DATASTORETYPE": "x", "TYPHA_WARMSTART": "1"}
    _, errors = loading.examine(environ, str(file))
    assert len(errors) == 3


def test_loading_brings_nothing_heavy_along():
    """The parent loads it before it forks, and stays small."""
    code = (
        "import sys; import typha.config.loading, typha.telemetry.logs;"
        "print({'ssl', 'asyncio', 'cryptography', 'kubernetes', 'zmq', 'grpc'} & {*sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
