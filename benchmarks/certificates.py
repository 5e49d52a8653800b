"""Certificates for the benchmarks, and the TLS preference of the clients they simulate."""

import subprocess
import sys
from pathlib import Path
from typing import Final

# Go's client puts AES-128 first on machines with AES instructions, OpenSSL AES-256; Python cannot
# order TLS 1.3 suites, but OpenSSL's configuration can.
PREFERENCE: Final = """\
openssl_conf = benchmarks
[benchmarks]
ssl_conf = ssl
[ssl]
system_default = preference
[preference]
Ciphersuites = TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256
"""


def make(folder: Path, *, rsa: bool) -> Path:
    """Make the certificates of the installation guide; returns the folder."""
    command = [sys.executable, "-m", "typha", "certs", "--dir", str(folder)]
    subprocess.run(command + ["--rsa"] * rsa, check=True, capture_output=True)
    return folder


def prefer_as_go_does(path: Path) -> Path:
    """Write an OpenSSL configuration with Go's order of suites, for OPENSSL_CONF."""
    path.write_text(PREFERENCE)
    return path
