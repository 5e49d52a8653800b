"""How many CPUs a container may use."""

import os

import pytest

from typha.config import cpus

V2 = "/sys/fs/cgroup/cpu.max"
V1 = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"
V1_PERIOD = "/sys/fs/cgroup/cpu/cpu.cfs_period_us"


@pytest.mark.parametrize(
    ("files", "affinity", "expected"),
    [
        ({}, 4, 4),
        ({V2: "max 100000"}, 4, 4),
        ({V2: "200000 100000"}, 4, 2),
        ({V2: "150000 100000"}, 4, 2),
        ({V2: "10000 100000"}, 4, 1),
        ({V2: "800000 100000"}, 4, 4),
        ({V1: "-1", V1_PERIOD: "100000"}, 3, 3),
        ({V1: "200000", V1_PERIOD: "100000"}, 3, 2),
        ({V1: "200000", V1_PERIOD: "0"}, 3, 3),
        ({V2: "nonsense"}, 3, 3),
        ({}, 0, 1),
    ],
)
def test_affinity_and_quota_bound_the_cpus(files, affinity, expected):
    """A quota is rounded up; at least one CPU there always is."""
    assert cpus.within(affinity, lambda path: files.get(path, "")) == expected


def test_this_machine_has_some():
    """And never more than the affinity allows."""
    assert 1 <= cpus.available() <= len(os.sched_getaffinity(0))
