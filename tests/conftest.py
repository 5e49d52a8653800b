"""What tests of several packages need."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def short_folder():
    """Return an empty folder whose path leaves room for the name of a Unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="t-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
