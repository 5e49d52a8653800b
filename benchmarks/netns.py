"""A network namespace of its own: quiet, and with a congestion control that does not pace."""

import os
import sys
from pathlib import Path
from typing import Final

import click

INSIDE: Final = "TYPHA_BENCHMARK_NETNS"
PREPARE: Final = (
    'ip link set lo up && echo reno > /proc/sys/net/ipv4/tcp_congestion_control; exec "$@"'
)


def enter() -> None:
    """Run this program anew in a network namespace, unless it is there already; needs root."""
    if os.environ.get(INSIDE):
        return
    if os.geteuid():
        raise click.UsageError("--netns needs root")
    os.environ[INSIDE] = "1"
    module = Path(sys.argv[0]).stem
    again = [sys.executable, "-m", f"benchmarks.{module}", *sys.argv[1:]]
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", PREPARE, "sh", *again])
