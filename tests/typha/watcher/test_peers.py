"""Whether another Typha is up to date, seen on real connections to it."""

import time
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from tests.serving import ThreadedServer, elements, server_context
from typha.certs import making
from typha.certs.making import Plan, Subject
from typha.config.settings import TlsSettings
from typha.dialing import Address
from typha.syncproto.messages import KVs, SerializedUpdate, SyncStatus, SyncStatusMessage
from typha.watcher import peers
from typha.watcher.peers import Peers, Seen

NEWS = SerializedUpdate(key="/calico/v1/config/A", value=b"1", revision="7", update_type=2)
IN_SYNC = SyncStatusMessage(status=SyncStatus.IN_SYNC)
RESYNC = SyncStatusMessage(status=SyncStatus.RESYNC)
TOLD = KVs(updates=(NEWS,))


# ---- what is proof


def seen(*told):
    """Give what is known after messages at moments."""
    known = Seen()
    for now, message in told:
        known = known.take(message, now)
    return known


def test_news_behind_in_sync_are_proof_for_a_minute():
    """A server that has lost its datastore has none."""
    known = seen((0.0, TOLD), (1.0, IN_SYNC), (10.0, TOLD))
    assert known.is_proof(10.0)
    assert known.is_proof(69.9)
    assert not known.is_proof(70.1)


def test_a_status_that_says_nothing_new_takes_nothing_back():
    """It comes with every frame."""
    known = seen((0.0, IN_SYNC), (9.0, TOLD), (10.0, IN_SYNC), (11.0, RESYNC), (12.0, IN_SYNC))
    assert not known.is_proof(12.0)
    assert seen((0.0, IN_SYNC), (9.0, TOLD), (10.0, IN_SYNC)).is_proof(68.0)
    assert seen((0.0, IN_SYNC), (1.0, IN_SYNC), (2.5, TOLD)).is_proof(3.0)


@pytest.mark.parametrize(
    "told",
    [
        (),
        ((0.0, TOLD),),
        ((0.0, TOLD), (1.0, IN_SYNC)),
        ((0.0, IN_SYNC), (1.9, TOLD)),  # may be what was left over from before
        ((0.0, IN_SYNC), (9.0, KVs(updates=()))),
        ((0.0, IN_SYNC), (9.0, TOLD), (10.0, RESYNC)),
        ((0.0, IN_SYNC), (9.0, RESYNC), (10.0, TOLD)),
    ],
)
def test_anything_less_is_none(told):
    """A snapshot, a status, or news of a server that says itself that it is behind."""
    assert not seen(*told).is_proof(10.0)


# ---- the connection


@pytest.fixture
def hasty(monkeypatch):
    """Have no patience."""
    monkeypatch.setattr(peers, "SETTLING_SECONDS", 0.0)
    monkeypatch.setattr(peers, "PAUSE_SECONDS", 0.02)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Make a server's and a client's certificate, and those of somebody else."""
    folder = tmp_path_factory.mktemp("certificates")
    subjects = (
        Subject(stem="typha", common_name="calico-typha", uri="spiffe://typha", server=True),
        Subject(stem="other", common_name="somebody", uri="", server=True),
        Subject(stem="node", common_name="calico-node", uri="", server=False),
    )
    making.make(Plan(subjects=subjects, days=1, use_rsa=False), folder)
    return folder


def identity(folder):
    """Give what our own clients are served with, and what we are a client with."""
    tls = TlsSettings(
        ca_file=str(folder / "typhaca.crt"),
        cert_file=str(folder / "typha.crt"),
        key_file=str(folder / "typha.key"),
        client_cn="calico-node",
    )
    return tls, str(folder / "node.crt"), str(folder / "node.key")


@contextmanager
def looking(identity, *servers):
    """Look at servers."""
    found = Peers(*identity)
    found.start()
    found.seek(Address("127.0.0.1", server.port) for server in servers)
    try:
        yield found
    finally:
        found.seek(())


def wait_until(condition):
    """Wait for something that another thread does."""
    until = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def is_fresh(found):
    """Ask now."""
    return found.is_one_fresh(time.monotonic())


def publish_until_seen(server, found):
    """Have news until they are noticed."""
    server.wait_until_streaming(1)

    def noticed():
        server.publish(elements([NEWS]))
        return is_fresh(found)

    wait_until(noticed)


@pytest.mark.usefixtures("hasty")
def test_a_peer_with_news_is_fresh_until_nobody_asks_any_more(certificates, caplog):
    """Over mutual TLS, as a client like others; the log tells once that it is."""
    caplog.set_level("INFO", "typha.watcher")
    context = server_context(certificates)
    with (
        ThreadedServer(elements([NEWS]), context=context) as server,
        looking(identity(certificates), server) as found,
    ):
        server.wait_until_streaming(1)
        assert not is_fresh(found)  # in sync, and yet nothing is proven
        publish_until_seen(server, found)
        hello = server.shells[0].accepted
        assert hello.hello.info == "a peer"
        publish_until_seen(server, found)
        assert caplog.messages == ["peer is up to date"]
        found.seek(())
        assert not is_fresh(found)
        with suppress(OSError):  # it may have noticed already
            server.ping(1)  # else it does with whatever comes next
        server.wait_for_endings(1)


@pytest.mark.usefixtures("hasty")
def test_a_peer_that_ends_proves_nothing_any_more(certificates):
    """What it had shown went with it."""
    with (
        ThreadedServer([], context=server_context(certificates)) as server,
        looking(identity(certificates), server) as found,
    ):
        publish_until_seen(server, found)
        server.__exit__(None, None, None)
        wait_until(lambda: not is_fresh(found))


@pytest.mark.usefixtures("hasty")
def test_a_peer_has_to_be_who_it_should_be(certificates, caplog):
    """Signed by the right authority is not enough: its names are those of our own certificate."""
    caplog.set_level("INFO")
    with (
        ThreadedServer([], context=server_context(certificates, "other")) as server,
        looking(identity(certificates), server),
    ):
        wait_until(lambda: any("certificate" in getattr(r, "error", "") for r in caplog.records))
        assert not any(shell.streaming for shell in server.shells)


@pytest.mark.usefixtures("hasty")
def test_where_one_has_no_news_another_is_looked_at(certificates, monkeypatch):
    """One after the other, until one is found."""
    monkeypatch.setattr(peers, "PATIENCE_SECONDS", 0.3)
    context = server_context(certificates)
    with (
        ThreadedServer([], context=context) as quiet,
        ThreadedServer([], context=context) as busy,
        looking(identity(certificates), quiet, busy) as found,
    ):

        def noticed():
            quiet.ping(1)
            busy.publish(elements([NEWS]))
            return is_fresh(found)

        wait_until(noticed)


@pytest.mark.usefixtures("hasty")
def test_a_peer_that_is_not_there_is_tried_again(certificates, caplog):
    """Time and again, as long as it is wanted."""
    caplog.set_level("INFO")
    with ThreadedServer([], context=server_context(certificates)) as gone:
        pass
    with looking(identity(certificates), gone):
        wait_until(lambda: caplog.messages.count("peer not seen") > 2)


@pytest.mark.usefixtures("hasty")
def test_without_our_own_certificate_nobody_is_looked_at(certificates, tmp_path, caplog):
    """Nobody knows then by which name peers go; it is tried again, as it may be mended."""
    caplog.set_level("INFO")
    tls, *client = identity(certificates)
    broken = tmp_path / "typha.crt"
    broken.write_text("half of")
    changed = replace(tls, cert_file=str(broken))
    with ThreadedServer([]) as server, looking((changed, *client), server):
        wait_until(lambda: caplog.messages.count("peer not seen") > 1)
        assert caplog.records[0].error.startswith("our own certificate: there is no certificate")
        assert server.shells == []


@pytest.mark.usefixtures("hasty")
def test_a_bug_does_not_end_the_looking(certificates, monkeypatch, caplog):
    """It shows in the log, and another look is made."""

    def fail(*_where, **_how):
        raise LookupError("a bug")

    monkeypatch.setattr(peers.dialing, "connect", fail)
    with ThreadedServer([], context=server_context(certificates)) as gone:
        pass
    with looking(identity(certificates), gone):
        wait_until(lambda: caplog.messages.count("peer not seen") > 2)


@pytest.mark.usefixtures("hasty")
def test_where_clients_come_in_plaintext_peers_do_as_well():
    """There is nobody to prove anything to."""
    with ThreadedServer([]) as server, looking((TlsSettings(), "", ""), server) as found:
        publish_until_seen(server, found)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("203.0.113.77", False),  # set apart for documentation: nobody has it
        ("2001:db8::1", False),
        ("typha.example", False),
        ("", False),
    ],
)
def test_an_address_of_this_machine_is_known(address, expected):
    """So that a server does not prove itself to be fresh."""
    assert peers.is_here(address) is expected
