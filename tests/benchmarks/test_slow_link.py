"""Everybody comes in sync behind a narrow link, with nothing sent twice."""

import pytest

from tests.benchmarks.test_fanout import run

pytestmark = pytest.mark.e2e


def test_nobody_is_lost_behind_a_narrow_link_and_nothing_is_sent_twice() -> None:
    """Whose turn it is goes round."""
    done = run("slow_link", "--clients", "12", "--kvs", "500", "--mib", "2", "--limits", "count")
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()[1:]]
    assert [row[1:3] for row in rows] == [["12", "0"]]
    assert all(0.9 < float(row[6]) <= float(row[7]) < 1.1 for row in rows)
