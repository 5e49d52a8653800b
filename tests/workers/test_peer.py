"""What the kernel tells of the other end, on real connections."""

import socket
import struct
import time

import pytest

from workers import peer


@pytest.fixture
def pair():
    """Connect over loopback; our end does not block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        theirs = socket.create_connection(listening.getsockname())
        ours, _ = listening.accept()
    ours.settimeout(0)
    with ours, theirs:
        yield ours, theirs


def fill(ours):
    """Send until there is no room."""
    sent = 0
    try:
        while True:
            sent += ours.send(bytes(65536))
    except BlockingIOError:
        return sent


def seen(ours, condition):
    """Look until the peer is seen to be so; acknowledgements may be late."""
    deadline = time.monotonic() + 60
    while not condition(there := peer.look(ours)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return there


def test_what_the_other_end_takes_is_seen(pair):
    """First its kernel takes something, then it makes room as the process reads."""
    ours, theirs = pair
    fresh = peer.look(ours)
    ours.send(b"hello")
    theirs.recv(5)
    seen(ours, lambda there: there.acknowledged == fresh.acknowledged + 5)
    fill(ours)
    full = seen(ours, lambda there: there.window < fresh.window / 4 and there.unanswered == 0)
    theirs.recv(1 << 20, socket.MSG_WAITALL)
    seen(ours, lambda there: there.acknowledged > full.acknowledged)


def test_what_is_no_tcp_connection_is_unknown():
    """Probes come over Unix sockets."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer.look(ours) == peer.UNKNOWN


def test_a_closed_socket_is_unknown(pair):
    """It ended a moment ago."""
    ours, _ = pair
    ours.close()
    assert peer.look(ours) == peer.UNKNOWN


class Old:
    """A socket of a kernel that tells less, or of one that has something to tell."""

    def __init__(self, told):
        self._told = told

    def getsockopt(self, _level, _option, size):
        """Tell what the kernel knows."""
        return self._told[:size]


def test_an_older_kernel_tells_nothing_of_the_window():
    """And one that is older still, nothing that is of use."""
    told = struct.pack("2xBB116xQ100xI", 0, 0, 1000, 60_000)
    assert peer.look(Old(told)) == (1000, 60_000, 0)
    assert peer.look(Old(told[:-1])) == peer.look(Old(told[:128])) == (1000, 0, 0)
    assert peer.look(Old(told[:127])) == peer.UNKNOWN == (0, 0, 0)


@pytest.mark.parametrize(("retransmits", "probes"), [(3, 0), (0, 3), (3, 2)])
def test_data_and_probes_may_both_go_unanswered(retransmits, probes):
    """Which of them is sent depends on whether its window is shut."""
    told = struct.pack("2xBB116xQ100xI", retransmits, probes, 1000, 0)
    assert peer.look(Old(told)).unanswered == 3
