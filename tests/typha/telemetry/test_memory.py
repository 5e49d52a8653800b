"""What SIGUSR1 writes."""

import os
import re

from typha.telemetry import memory


def test_the_report_names_sizes_and_kinds_of_objects():
    """Enough to see what has grown."""
    text = memory.report()
    assert f"pid {os.getpid()}" in text
    assert re.search(r"^Pss: \d+ kB$", text, re.MULTILINE)
    assert re.search(r"^ +\d+ dict$", text, re.MULTILINE)


def test_each_process_writes_a_file_of_its_own_with_the_time_in_its_name(tmp_path):
    """The placeholder is the original's."""
    file = memory.write(str(tmp_path / "heap-<timestamp>.txt"), "worker-1")
    assert re.fullmatch(r"heap-\d{4}-\d\d-\d\d-\d\d:\d\d:\d\d\.txt\.worker-1", file.name)
    assert "objects tracked" in file.read_text()
