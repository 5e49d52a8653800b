"""The steps of an update's way, measured one by one on a few objects."""

import json

from click.testing import CliRunner

from benchmarks import micro


def test_every_step_of_both_families_has_a_cost() -> None:
    """And JSON holds what the table shows."""
    result = CliRunner().invoke(micro.main, ["--count", "60", "--format", "json"])
    assert result.exit_code == 0
    costs = [json.loads(line) for line in result.output.splitlines()]
    steps = {
        family: [c["step"] for c in costs if c["family"] == family] for family in micro.RESOURCES
    }
    assert steps["pods"] == steps["policies"]
    assert {"process", "validate", "frame, 20 KVs", "write a snapshot"} <= set(steps["pods"])
    assert all(cost["us"] > 0 for cost in costs)
