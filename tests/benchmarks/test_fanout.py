"""The benchmarks on the real process tree, with a few objects and clients: they tell the truth."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.children import REPOSITORY

pytestmark = pytest.mark.e2e


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a benchmark as a user does."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=250
    )


SMALL = ("--clients", "6", "--kvs", "60", "--rate", "40", "--seconds", "1", "--format", "json")


@pytest.mark.parametrize("source", ["api", "kvs"])
def test_every_client_is_told_the_truth_and_the_row_says_what_it_cost(
    source: str, tmp_path: Path
) -> None:
    """From the datastore's event to the client, with the floor beside it."""
    picture = tmp_path / "plot.svg"
    wanted = {"api": ["start", "storm", "churn"], "kvs": ["churn"]}[source]
    scenarios = ("--scenarios", ",".join(wanted), "--source", source)
    done = run("fanout", *SMALL, *scenarios, "--plot", str(picture))
    rows = {row["scenario"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, list(rows)) == (0, wanted), done.stderr
    assert {(row["wrong"], row["missing"]) for row in rows.values()} == {(0, 0)}
    for name in set(wanted) - {"start"}:
        assert rows[name]["cpu_s"] > 0
        assert rows[name]["ratio_to_floor"] > 0
    assert rows["churn"]["clients"] == 6
    assert rows["churn"]["p50_ms"] <= rows["churn"]["p99_ms"] <= rows["churn"]["max_ms"]
    assert "40/s" in picture.read_text()


def test_another_server_is_measured_beside_ours_by_the_same_load() -> None:
    """Its rows come after ours, and are told apart from them."""
    scenarios = ("--scenarios", "start", "--beside", f"{sys.executable} -m typha serve")
    done = run("fanout", *SMALL[:-2], *scenarios)
    assert done.returncode == 0, done.stderr
    ours, its = done.stdout.split("\nbeside: ")
    assert [line.split()[0] for line in ours.splitlines()] == ["scenario", "start"]
    assert [line.split()[0] for line in its.splitlines()[1:]] == ["scenario", "start"]


def test_old_and_new_clients_of_all_syncers_are_told_what_they_understand() -> None:
    """Older spellings of keys, plain streams, and syncers that see no policy at all."""
    done = run("fanout", *SMALL[:1], "12", *SMALL[2:], "--scenarios", "mixed", "--tls12")
    row = json.loads(done.stdout)
    assert (done.returncode, row["wrong"], row["missing"]) == (0, 0, 0), done.stderr
    assert row["clients"] == 9  # the felix ones among twelve


def test_a_scenario_that_there_is_not_is_named() -> None:
    """A usage error, before anything is started."""
    done = run("fanout", "--scenarios", "start,hurricane")
    assert done.returncode == 2
    assert "hurricane" in done.stderr


def test_a_server_that_does_not_start_is_reported_with_its_last_words() -> None:
    """Whatever else is measured: exit code 1 and a reason."""
    done = run("fanout", *SMALL, "--scenarios", "start", "--command", "/bin/echo no such thing")
    assert done.returncode == 1
    assert "the server ended with exit code 0" in done.stderr
    assert "no such thing" in done.stderr


def test_ingest_tells_what_one_more_object_costs() -> None:
    """Two sizes of one cluster, and the difference."""
    done = run("ingest", "--small", "50", "--large", "400", "--burst", "200", "--format", "json")
    small, large, each = map(json.loads, done.stdout.splitlines())
    assert (small["count"], large["count"]) == (50, 400), done.stderr
    assert (small["missing"], large["missing"]) == (0, 0)
    assert large["events_per_s"] > 0
    assert "memory_bytes_per_object" in each


def test_a_soak_ends_with_every_client_knowing_what_is_so() -> None:
    """A few seconds of trouble here; minutes of it on request."""
    done = run("soak", "--minutes", "0.04", "--clients", "8", "--kvs", "100", "--seed", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines())
    assert figures["divergent"] == "0"
    assert figures["checked"] == "8"
    assert any(name.startswith("faults: ") for name in figures)


def test_a_warm_start_is_timed_against_a_cold_one() -> None:
    """The second start finds no API server, and its client is told all the same."""
    done = run("warm_start", "--pods", "50", "--rounds", "0")
    (found,) = map(json.loads, done.stdout.splitlines())
    assert found["kvs"] > 50, done.stderr
    assert 0 < found["listening_s"] < found["first_kvs_s"] <= found["whole_snapshot_s"]
    assert found["checkpoint_mib"] > 0
