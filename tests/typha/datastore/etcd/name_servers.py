"""A small name server on this machine, on UDP and TCP."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import free_ports
from typha.datastore.etcd import discovery

Zone = dict[str, list[discovery.Record]]


def encoded(name: str) -> bytes:
    """Return a name as DNS writes it, without compression."""
    return b"".join(bytes((len(part),)) + part.encode() for part in name.split(".")) + b"\0"


def reply_to(asked: bytes, zone: Zone, *, cut: bool = False) -> bytes:
    """Answer a question as a name server does: the name compressed, an alias on the way."""
    end = asked.index(b"\0", 12)
    name = discovery._name(asked, 12)[0]
    records = zone.get(name)
    flags = 0x8180 | (0 if records is not None else 3) | (0x0200 if cut else 0)
    header = asked[:2] + struct.pack(
        ">HHHHH", flags, 1, 0 if cut else len(records or ()) + 1, 0, 0
    )
    alias = encoded("alias.example.org")
    answers = b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 60, len(alias)) + alias
    for record in records or ():
        body = struct.pack(">HHH", *record[:3]) + encoded(record.target)
        answers += b"\xc0\x0c" + struct.pack(">HHIH", 33, 1, 60, len(body)) + body
    return header + asked[12 : end + 5] + (b"" if cut else answers)


def serve_datagrams(udp: socket.socket, zone: Zone, *, cut: bool) -> None:
    """Answer until an empty question comes."""
    while True:
        asked, peer = udp.recvfrom(512)
        if not asked:
            return
        udp.sendto(reply_to(asked, zone, cut=cut), peer)


def serve_streams(tcp: socket.socket, zone: Zone) -> None:
    """Answer one question a connection, until one comes without."""
    while True:
        stream, _ = tcp.accept()
        with stream, stream.makefile("rb") as received:
            size = received.read(2)
            if not size:
                return
            reply = reply_to(received.read(int.from_bytes(size, "big")), zone)
            stream.sendall(struct.pack(">H", len(reply)) + reply)


@contextmanager
def name_server(zone: Zone, *, cut: bool = False) -> Iterator[discovery.Server]:
    """Serve a zone on UDP and TCP; `cut` truncates what goes by UDP."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.create_server(("127.0.0.1", free_ports.take())) as tcp,
    ):
        address = tcp.getsockname()
        udp.bind(address)
        threads = [
            threading.Thread(target=serve_datagrams, args=(udp, zone), kwargs={"cut": cut}),
            threading.Thread(target=serve_streams, args=(tcp, zone)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield address
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", address)
            socket.create_connection(address).close()
            for thread in threads:
                thread.join()
