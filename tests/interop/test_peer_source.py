"""The Go code is held to Go's own standards."""

import subprocess

from tests.interop.conftest import SOURCE, Peer


def test_the_peer_is_formatted_and_vetted(peer: Peer) -> None:
    """By gofmt and go vet; the peer's fixture has made sure that there is a Go."""
    assert peer.program.exists()
    formatted = subprocess.run(
        ["gofmt", "-l", "."], cwd=SOURCE, capture_output=True, text=True, check=True
    )
    assert formatted.stdout == ""
    subprocess.run(["go", "vet", "./..."], cwd=SOURCE, check=True)
