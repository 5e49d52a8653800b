"""What the sizing formula says, and how it is held against measurements."""

import pytest
from click.testing import CliRunner

from benchmarks import sizing
from benchmarks.report import Row
from benchmarks.sizing import Load


def test_nothing_that_changes_costs_no_frames():
    """An idle server pings."""
    idle = Load(clients=600, kvs=10_000)
    assert idle.frames == 0
    assert idle.watcher_cores == 0
    assert 0 < idle.cores < 0.05


def test_a_slow_trickle_leaves_update_by_update():
    """Nothing waits for company that does not come."""
    assert Load(clients=600, kvs=10_000, rate=10).frames == 10


def test_many_updates_leave_in_as_few_frames_as_the_window_asks():
    """So ten times the updates cost little more."""
    busy, busier = (Load(clients=600, kvs=10_000, rate=rate) for rate in (1_000, 10_000))
    assert busier.frames <= busy.frames
    assert busier.frames >= 1 / sizing.LONGEST_SPACING_SECONDS
    assert busier.cores < 10 * busy.cores


@pytest.mark.parametrize("more", [{"clients": 1200}, {"kvs": 20_000}, {"workers": 4}])
def test_more_of_anything_takes_more_memory(more):
    """Whatever it is."""
    usual = {"clients": 600, "kvs": 10_000, "workers": 2}
    assert Load(**usual | more).mib > Load(**usual).mib


@pytest.mark.parametrize(("share", "code"), [(1.0, 0), (0.85, 0), (1.5, 1)])
def test_what_was_measured_stands_beside_the_formula(tmp_path, share, code):
    """And what is off by too much fails."""
    load = Load(clients=600, kvs=10_000, rate=100, crowding=2.0)
    row = Row(
        scenario="churn",
        clients=600,
        workers=2,
        kvs=10_000,
        rate=100.0,
        cpu_s=load.cores * share * 10,
        pss_mib=load.mib,
        wall_s=10.0,
    )
    file = tmp_path / "rows.jsonl"
    file.write_text(f"progress\n{row.line()}\n")
    result = CliRunner().invoke(sizing.main, [str(file)])
    assert result.exit_code == code, result.output
    assert "cores" in result.output
    assert "MiB" in result.output


def test_what_is_asked_is_answered():
    """Without measurements it is a calculator."""
    result = CliRunner().invoke(sizing.main, ["--clients", "200", "--rate", "50"])
    assert result.exit_code == 0
    assert "frames a second" in result.output
