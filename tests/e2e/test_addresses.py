"""Clients come over either family of addresses."""

import contextlib
import socket

import pytest

from tests.e2e.server import running, wait_for
from typha import dialing
from typha.dialing import Address
from typha.syncproto import generations
from typha.syncproto.messages import SyncerType

pytestmark = pytest.mark.e2e


def has_ipv6():
    """Tell whether this machine has the loopback address of IPv6."""
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="no ::1 here")
def test_clients_come_over_ipv6_as_well(tmp_path):
    """Bound, limited and logged as the other family is."""
    (tmp_path / "manifests").mkdir()
    with running(tmp_path, tmp_path / "manifests", serverhost="::1") as server:
        hello = generations.hello(SyncerType.FELIX, hostname="node-six")
        connection = dialing.connect(Address("::1", server.port), hello, tls=server.tls)
        connection.close()
        wait_for(lambda: "node-six" in server.log(), "the client's end in the log")
        assert 'client="::1"' in server.log()
