"""Felix, in Go, of every generation at once, against the real process tree over mutual TLS."""

import base64
import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e import server as e2e
from tests.interop.conftest import Line, Peer, finish, read_until, tls_options

SETS, CHANGES = 20_000, 1000
PEERS = {
    "v3.32": ("v3.32.1", ["-generation=v3.32"]),
    "v3.32 without restart": ("v3.32.1", ["-generation=v3.32", "-refuse-restart"]),
    "v3.28": ("v3.28.5", ["-generation=v3.28"]),
    "v3.8": ("v3.8.9", ["-generation=v3.8"]),
}


def write_sets(folder: Path, changed: int) -> None:
    """Write a list of network sets, of which the first so many differ from all before."""
    sets = [
        {
            "apiVersion": "crd.projectcalico.org/v1",
            "kind": "GlobalNetworkSet",
            "metadata": {"name": f"set-{n}", "resourceVersion": str(n + (n < changed))},
            "spec": {"nets": [f"10.{n >> 8}.{n & 255}.{1 if n < changed else 0}/32"]},
        }
        for n in range(SETS)
    ]
    temporary = folder / ".sets"
    temporary.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": sets}))
    temporary.replace(folder / "sets.json")


def sets_in(lines: list[Line]) -> dict[str, str | None]:
    """Return what a peer knows of the network sets in the end."""
    return {
        line["key"]: line["raw"]
        for line in lines
        if line["type"] == "kv" and "/netset/" in line["key"]
    }


@pytest.mark.e2e
def test_every_generation_receives_snapshot_and_changes(peer: Peer, tmp_path: Path) -> None:
    """20,000 keys and 1,000 changes, compressed, plain, and without a decoder restart."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    write_sets(manifests, changed=0)
    with e2e.running(tmp_path, manifests) as server, ExitStack() as started:
        credentials = tls_options(server.certificates, ours="calico-node", theirs="calico-typha")
        running = {}
        for name, (version, options) in PEERS.items():
            # An older client is not sent every key there is, so ours of its age counts them.
            known = len(server.follower(version=version).state)
            running[name] = started.enter_context(
                peer.started(
                    f"-address=127.0.0.1:{server.port}",
                    f"-updates={known + CHANGES}",
                    *options,
                    *credentials,
                )
            )
        heard = {name: read_until(process, "status") for name, process in running.items()}
        write_sets(manifests, changed=CHANGES)
        for name, process in running.items():
            heard[name] += finish(process)
    restarts = {
        name: sum(line["type"] == "restart" for line in lines) for name, lines in heard.items()
    }
    assert restarts == {"v3.32": 2, "v3.32 without restart": 0, "v3.28": 2, "v3.8": 0}
    expected = sets_in(heard["v3.32"])
    assert len(expected) == SETS
    changed = [base64.b64decode(raw) for raw in expected.values() if raw]
    assert sum(b".1/32" in value for value in changed) == CHANGES
    for lines in heard.values():
        assert sets_in(lines) == expected
