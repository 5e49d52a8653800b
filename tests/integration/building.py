"""Builds a real kube-apiserver from its Go module, once: some minutes, then cached.

The module beside this file pins it; the result lies outside the repository, named by what it
was made of.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

MODULE = Path(__file__).parent / "apiserver"
CACHE = Path.home() / ".cache" / "typha-tests"
SOURCES = ("main.go", "go.mod", "go.sum")


def missing() -> str:
    """Say what has to be installed before the tests can run; empty if nothing."""
    if shutil.which("etcd") is None:
        return "etcd is missing (Debian: apt-get install etcd-server)"
    if not binary().exists() and shutil.which("go") is None:
        return "Go is missing, and no kube-apiserver was built before"
    return ""


def binary() -> Path:
    """Name the file that a build makes."""
    made_of = hashlib.sha256(b"\0".join((MODULE / name).read_bytes() for name in SOURCES))
    return CACHE / f"kube-apiserver-{made_of.hexdigest()[:16]}"


def build() -> Path:
    """Build kube-apiserver unless that was done before; raise CalledProcessError if it fails."""
    target = binary()
    if target.exists():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    print("building kube-apiserver: some minutes, once", file=sys.stderr)  # noqa: T201
    unfinished = target.with_suffix(f".{os.getpid()}")
    subprocess.run(
        ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(unfinished), "."],
        cwd=MODULE,
        env={**os.environ, "CGO_ENABLED": "0"},
        check=True,
    )
    unfinished.replace(target)
    return target
