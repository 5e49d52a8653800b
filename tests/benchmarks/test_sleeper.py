"""Who sleeps is told everything in the end."""

import pytest

from tests.benchmarks.test_fanout import run

pytestmark = pytest.mark.e2e


def test_the_two_clients_agree() -> None:
    """A short sleep, of which all is still on its way."""
    done = run("sleeper", "--seconds", "2", "--rate", "50", "--kvs", "200", "--ping", "1")
    assert done.returncode == 0, done.stderr
    assert "of 100; the same in the end: yes" in done.stdout
