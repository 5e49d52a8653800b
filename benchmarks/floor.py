"""The floor that every figure is compared with: a bare loop of `SSLSocket.send`.

It has the same bytes to send to the same number of sockets as the server had, from as many
processes, with the same pauses; it does nothing else.  `python -m benchmarks.floor --certs DIR`
obeys a JSON object a line: `accept` (clients, workers) makes the connections and tells what the
handshakes cost; `send` (frames) tells what sending the frames of a file cost.
"""

import argparse
import multiprocessing
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from benchmarks import children
from benchmarks.arrivals import FRAME

SLICE_BYTES: Final = 65536  # what is sent in one call
LONGEST_PAUSE_SECONDS: Final = 0.05  # longer ones cost nothing more
LONGEST_RUN_SECONDS: Final = 3.0  # of pauses; the rest is extrapolated


def context(certs: Path, protocol: str) -> ssl.SSLContext:
    """Prepare TLS as the server does: mutual, no tickets, the client's preference of cipher."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certs / "typha.crt", certs / "typha.key")
    made.load_verify_locations(certs / "typhaca.crt")
    made.verify_mode = ssl.CERT_REQUIRED
    made.num_tickets = 0
    made.options |= ssl.OP_NO_TICKET
    made.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    version = {"tls12": ssl.TLSVersion.TLSv1_2, "tls13": ssl.TLSVersion.TLSv1_3}[protocol]
    made.minimum_version = made.maximum_version = version
    return made


def read_frames(path: Path) -> list[tuple[float, bytes]]:
    """Read pauses, in seconds, and bytes, as `arrivals.write_frames` wrote them."""
    text, offset, frames = path.read_bytes(), 0, []
    while offset < len(text):
        pause, size = FRAME.unpack_from(text, offset)
        offset += FRAME.size + size
        frames.append((pause / 1e9, text[offset - size : offset]))
    return frames


def send_all(
    sends: Sequence[Callable[[memoryview], int]], frames: list[tuple[float, bytes]]
) -> int:
    """Send the frames to everybody; returns how many were sent before the time was up."""
    paused, due = 0.0, time.monotonic()
    for count, (pause, data) in enumerate(frames):
        if paused > LONGEST_RUN_SECONDS:
            return count
        paused += min(pause, LONGEST_PAUSE_SECONDS)
        due += min(pause, LONGEST_PAUSE_SECONDS)
        if (early := due - time.monotonic()) > 0:
            time.sleep(early)
        for start in range(0, len(data), SLICE_BYTES):
            part = memoryview(data)[start : start + SLICE_BYTES]
            for send in sends:
                send(part)
    return len(frames)


def work(listener: socket.socket, tls: ssl.SSLContext, clients: int, orders: Connection) -> None:
    """Be one process of the floor: take clients, then send what is asked for, until the end."""
    begun = time.process_time()
    taken = []
    for _ in range(clients):
        connection = listener.accept()[0]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        taken.append(tls.wrap_socket(connection, server_side=True))
    orders.send(time.process_time() - begun)
    sends = [connection.send for connection in taken]
    while path := orders.recv():
        frames = read_frames(path)
        begun = time.process_time()
        sent = send_all(sends, frames)
        orders.send((time.process_time() - begun, sent, len(frames)))


class Floor:
    """The processes of the floor, from the one that starts them."""

    def __init__(self, certs: Path, protocol: str) -> None:
        self._tls = context(certs, protocol)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._pipes: list[Connection] = []
        self.port: Final[int] = self._listener.getsockname()[1]

    def accept(self, clients: int, workers: int) -> dict[str, Any]:
        """Take clients into so many processes; tells the CPU seconds of the handshakes."""
        self.dismiss()
        fork = multiprocessing.get_context("fork")
        for turn in range(workers):
            ours, theirs = fork.Pipe()
            share = clients // workers + (turn < clients % workers)
            given = (self._listener, self._tls, share, theirs)
            fork.Process(target=work, args=given, daemon=True).start()
            self._pipes.append(ours)
        return {"handshakes_cpu_s": sum(pipe.recv() for pipe in self._pipes)}

    def send(self, frames: str) -> dict[str, Any]:
        """Send the frames of a file to everybody; tells the CPU seconds, extrapolated to all."""
        for pipe in self._pipes:
            pipe.send(Path(frames))
        answers = [pipe.recv() for pipe in self._pipes]
        cpu = sum(cpu * of / sent for cpu, sent, of in answers if sent)
        return {"cpu_s": cpu, "frames": answers[0][2]}

    def dismiss(self) -> None:
        """End the processes."""
        for pipe in self._pipes:
            pipe.send(None)
        self._pipes.clear()


def main() -> None:
    """Be the floor until standard input ends."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.floor")
    arguments.add_argument("--certs", type=Path, required=True)
    arguments.add_argument("--protocol", choices=("tls12", "tls13"), default="tls13")
    options = arguments.parse_args()
    floor = Floor(options.certs, options.protocol)
    children.tell({"port": floor.port})
    verbs: dict[str, Callable[..., dict[str, Any]]] = {"accept": floor.accept, "send": floor.send}
    for order in children.orders():
        children.tell(verbs[order.pop("do")](**order))
    floor.dismiss()


if __name__ == "__main__":
    main()
