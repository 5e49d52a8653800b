"""The Go peer: built once, then run as a Felix or as a server."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from typha.certs import making

SOURCE = Path(__file__).parent / "peer"
PATIENCE_SECONDS = 180  # a loaded machine is slow
Line = dict[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever is in this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("interop")


@dataclass(frozen=True)
class Peer:
    """The built program."""

    program: Path

    @contextmanager
    def started(self, *options: object) -> Iterator[subprocess.Popen[str]]:
        """Run it beside the test, and end it with the block if it has not ended by itself."""
        command = [str(self.program), *map(str, options)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def felix(self, port: int, *options: object) -> list[Line]:
        """Run it as a Felix to its end, which must be a good one; return what it printed."""
        with self.started("-role=felix", f"-address=127.0.0.1:{port}", *options) as process:
            return finish(process)


def finish(process: subprocess.Popen[str]) -> list[Line]:
    """Wait for a peer to end well; return what it printed and was not read yet."""
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, errors
    return [json.loads(line) for line in output.splitlines()]


def read_until(process: subprocess.Popen[str], kind: str) -> list[Line]:
    """Read lines up to the first of a type."""
    lines: list[Line] = []
    while not lines or lines[-1]["type"] != kind:
        text = process.stdout.readline()
        assert text, process.stderr.read()
        lines.append(json.loads(text))
    return lines


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """Build the peer; skip without Go."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("the interop tests need Go (1.22 or later) on the PATH")
    program = tmp_path_factory.mktemp("peer") / "peer"
    built = subprocess.run(
        [go, "build", "-o", program, "."], cwd=SOURCE, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return Peer(program)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the certificates of the installation guide."""
    folder = tmp_path_factory.mktemp("certificates")
    making.make(making.Plan(), folder)
    return folder


def tls_options(folder: Path, ours: str, theirs: str) -> list[str]:
    """Return the peer's options for mutual TLS: its file's stem, and the name of the other."""
    return [
        f"-ca={folder / 'typhaca.crt'}",
        f"-cert={folder / ours}.crt",
        f"-key={folder / ours}.key",
        f"-peer-cn={theirs}",
    ]
