"""Who connects without being a proper client: `python -m benchmarks.strangers --certs DIR`.

Obeys `come` (connections, rate, port): makes so many connections of all kinds, evenly over time
and over many addresses, and tells what became of them.  Yields the processor to everybody else,
as strangers have machines of their own.
"""

import argparse
import contextlib
import os
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import children
from benchmarks.felix import Group
from typha.syncproto import client_schema

ADDRESSES: Final = 250  # 127.0.1.1 and on
THREADS: Final = 16
NICENESS: Final = 19
PATIENCE_SECONDS: Final = 3.0  # for an answer, of those who want one
DRIP_SECONDS: Final = 0.2
PONGS: Final = 2000  # unasked for, in one go
HALF_HELLO: Final = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40)
GARBAGE: Final = b"GET / HTTP/1.1\r\nHost: typha\r\n\r\n" + bytes(3000)
HUGE_LENGTH: Final = b"\xf8\x7f\xff\xff\xff\xff\xff\xff\xff" + bytes(100)

Dial = Callable[[], socket.socket]


class Strangers:
    """Every kind of stranger there is."""

    def __init__(self, certs: Path) -> None:
        self.genuine: Final = context(certs, "calico-node")
        self.foreign: Final = context(certs, "stranger")
        self.kept: Final[list[socket.socket]] = []  # until the server ends them
        self._dripping: Final[list[socket.socket]] = []
        self.kinds: Final[dict[str, Callable[[Dial], None]]] = {
            "idle": self.idle,
            "half a TLS hello": self.half_hello,
            "garbage": self.garbage,
            "slow drip": self.slow_drip,
            "foreign certificate": self.foreign_certificate,
            "hello, then silence": self.silent_after_hello,
            "huge length": self.huge_length,
            "pong flood": self.pong_flood,
        }

    def idle(self, dial: Dial) -> None:
        """Say nothing at all."""
        self.kept.append(dial())

    def half_hello(self, dial: Dial) -> None:
        """Begin a handshake, and leave it at that."""
        stream = dial()
        stream.sendall(HALF_HELLO)
        self.kept.append(stream)

    def garbage(self, dial: Dial) -> None:
        """Speak something else."""
        with dial() as stream:
            stream.sendall(GARBAGE)
            exhaust(stream)

    def slow_drip(self, dial: Dial) -> None:
        """Send a handshake byte by byte."""
        stream = dial()
        self._dripping.append(stream)
        self.kept.append(stream)

    def drip(self, done: threading.Event) -> None:
        """Send the next byte of those who send so few."""
        at = 0
        while not done.wait(DRIP_SECONDS):
            for stream in list(self._dripping):
                with contextlib.suppress(OSError):  # the server has had enough of it
                    stream.send(HALF_HELLO[at : at + 1])
            at = (at + 1) % len(HALF_HELLO)

    def foreign_certificate(self, dial: Dial) -> None:
        """Shake hands to the end with a certificate of another authority."""
        with self.foreign.wrap_socket(dial()) as stream:
            stream.sendall(hello())
            exhaust(stream)

    def silent_after_hello(self, dial: Dial) -> None:
        """Be a client up to its hello, and then not read nor answer."""
        stream = self.genuine.wrap_socket(dial())
        stream.sendall(hello())
        self.kept.append(stream)

    def huge_length(self, dial: Dial) -> None:
        """Announce a message of exabytes."""
        with self.genuine.wrap_socket(dial()) as stream:
            stream.sendall(HUGE_LENGTH)
            exhaust(stream)

    def pong_flood(self, dial: Dial) -> None:
        """Answer pings that nobody sent."""
        with self.genuine.wrap_socket(dial()) as stream:
            stream.sendall(hello() + client_schema.ack() + client_schema.pong(1) * PONGS)
            exhaust(stream)

    def come(self, connections: int, rate: float, port: int) -> dict[str, Any]:
        """Come so many a second; tells how many of each kind came, and what cut_short others."""
        came: Counter[str] = Counter()
        cut_short: Counter[str] = Counter()
        names = list(self.kinds)
        begun = time.monotonic()

        def body(first: int) -> None:
            for turn in range(first, connections, THREADS):
                if (early := begun + turn / rate - time.monotonic()) > 0:
                    time.sleep(early)
                kind = names[turn % len(names)]
                try:
                    self.kinds[kind](partial(dialled, turn, port))
                except (OSError, ssl.SSLError) as error:
                    cut_short[type(error).__name__] += 1
                came[kind] += 1

        done = threading.Event()
        dripper = threading.Thread(target=self.drip, args=(done,))
        threads = [threading.Thread(target=body, args=(first,)) for first in range(THREADS)]
        for thread in (dripper, *threads):
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        dripper.join()
        return {"came": came, "cut_short": cut_short, "seconds": time.monotonic() - begun}

    def leave(self) -> dict[str, Any]:
        """Close what is left."""
        left = len(self.kept)
        for stream in self.kept:
            stream.close()
        self.kept.clear()
        self._dripping.clear()
        return {"left": left}


def context(certs: Path, stem: str) -> ssl.SSLContext:
    """Make a client's context that trusts anybody."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.load_cert_chain(certs / f"{stem}.crt", certs / f"{stem}.key")
    return made


def hello() -> bytes:
    """Make a Felix's hello."""
    return client_schema.hello(Group(clients=1).hello(0))


def dialled(turn: int, port: int) -> socket.socket:
    """Connect from one of many addresses."""
    source = f"127.0.1.{1 + turn % ADDRESSES}", 0
    return socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS, source)


def exhaust(stream: socket.socket) -> None:
    """Read until the server ends it, but for a moment at most."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and stream.recv(65536):
        pass


def main() -> None:
    """Obey until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strangers")
    parser.add_argument("--certs", type=Path, required=True)
    strangers = Strangers(parser.parse_args().certs)
    os.nice(NICENESS)
    for order in children.orders():
        verb = order.pop("do")
        children.tell({"come": strangers.come, "leave": strangers.leave}[verb](**order))


if __name__ == "__main__":
    main()
