"""What tests of several packages need."""

import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Whoever runs the tests in the background has them ignore Ctrl-C, and all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A loaded machine is slow and no bug; fewer examples keep the whole run short.
settings.register_profile(
    "project",
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
# On demand: `make test ARGS="tests/whole --hypothesis-profile=long"`.
settings.register_profile("long", deadline=None, max_examples=5_000, stateful_step_count=150)
settings.load_profile("project")


@pytest.fixture
def short_folder():
    """Return an empty folder whose path leaves room for the name of a Unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="t-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
