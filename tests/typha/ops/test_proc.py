"""What the kernel knows about a process."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from typha.ops import proc


def test_our_own_process_uses_what_another_tool_says_it_uses():
    """Within what changes between two looks."""
    us = psutil.Process()
    found = proc.usage(os.getpid())
    times = us.cpu_times()
    assert found.cpu_seconds == pytest.approx(times.user + times.system, abs=1.0)
    assert found.reaped_seconds == pytest.approx(
        times.children_user + times.children_system, abs=0.1
    )
    assert found.started == pytest.approx(us.create_time(), abs=2.0)
    assert found.virtual_bytes == pytest.approx(us.memory_info().vms, rel=0.2)
    assert found.resident_bytes == pytest.approx(us.memory_full_info().pss, rel=0.3)
    assert found.open_files == pytest.approx(us.num_fds(), abs=3)


def test_a_strange_name_does_not_shift_the_fields(tmp_path):
    """The kernel puts names in parentheses, whatever they hold."""
    program = tmp_path / "a) 1 2 (b"
    program.symlink_to(sys.executable)
    with subprocess.Popen([program, "-c", "input()"], stdin=subprocess.PIPE) as child:
        while psutil.Process(child.pid).name() == psutil.Process().name():
            time.sleep(0.01)
        assert proc.usage(child.pid).started == pytest.approx(time.time(), abs=30)
        child.communicate(b"\n")


def test_a_process_that_is_gone_uses_nothing():
    """It may end while we look."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    assert proc.usage(child.pid) == proc.Usage()
    assert proc.traffic(child.pid) == proc.Traffic()


def test_traffic_is_read_from_the_lines_of_its_kind():
    """Names in one, numbers in the next."""
    lines = ["TcpExt: A B", "TcpExt: 1 2", "IpExt: InOctets X OutOctets", "IpExt: 10 0 20"]
    assert proc._pairs(lines, "IpExt:") == {"InOctets": 10, "X": 0, "OutOctets": 20}
