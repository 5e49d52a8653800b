"""Running commands as a user does."""

import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


@pytest.fixture
def typha(tmp_path):
    """Return a function that runs `typha` in an environment of its own."""

    def run(*arguments, program="typha", **environ):
        return subprocess.run(
            [BIN / program, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=120,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **environ},
        )

    return run
