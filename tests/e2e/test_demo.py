"""The demonstration tells a story that is true, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

import psutil
import pytest


@pytest.mark.e2e
def test_the_demonstration_runs_from_nothing_to_nothing(short_folder):
    """Kept running for a look at it, then ended with Ctrl-C."""
    environ = {**os.environ, "TMPDIR": str(short_folder), "TYPHA_SERVERPORT": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "typha", "demo", "--stay"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        told = ""
        for line in process.stdout:
            told += line
            if "in a browser" in line:
                page = urllib.request.urlopen(line.split()[-1], timeout=60).read().decode()
            if "serve.log" in line:
                break
        tree = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        told += process.stdout.read()
        assert process.wait(120) == 0, told
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert "<strong class=''>7</strong>connections" in page
    assert len(tree) == 5
    assert not [child for child in tree if child.is_running()]
    assert list(short_folder.iterdir()) == []
    for expected in (
        r"v3\.32\.1  /calico/v1/policy/KubernetesNetworkPolicy/shop/web-from-anywhere",
        r"v3\.28\.5  /calico/v1/policy/tier/default/policy/shop%2fknp\.default\.web-from-anywhere",
        r"a pod starts +4 clients know after \d+ ms",
        r"~ /calico/v1/host/node-1/workload/k8s/shop%2fweb-6/endpoint/eth0",
        r"the log says: certificate has CN 'somebody-else'",
        r"0 of 7 clients lost their connection",
        r"exit code +0, after",
        r"left behind +nothing",
    ):
        assert re.search(expected, told), (expected, told)
    assert "\x1b" not in told
