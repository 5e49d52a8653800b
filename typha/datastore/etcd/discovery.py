"""DNS service discovery: the SRV records that etcd's own clients look up.

The standard library resolves addresses only, so this speaks the little of DNS that it takes
(RFC 1035, RFC 2782): one question, answers of one type.
"""

import secrets
import socket
import struct
from pathlib import Path
from typing import Final, NamedTuple

from typha.datastore.etcd.endpoints import Endpoint

# The record's service, and whether its members speak TLS; both are looked up, as in the original.
SERVICES: Final = (("_etcd-client-ssl._tcp", True), ("_etcd-client._tcp", False))

RESOLV_CONF: Final = Path("/etc/resolv.conf")
ANSWER_SECONDS: Final = 5.0  # resolv.conf's default
ATTEMPTS: Final = 2  # as well

_SRV: Final = 33
_INTERNET: Final = 1
_QUESTION_FLAGS: Final = 0x0100  # recursion desired
_TRUNCATED: Final = 0x0200
_NAME_ERROR: Final = 3
_POINTER: Final = 0xC0
_HEADER: Final = struct.Struct(">HHHHHH")
_RECORD: Final = struct.Struct(">HHIH")
_PRIORITY_WEIGHT_PORT: Final = struct.Struct(">HHH")
_DATAGRAM_BYTES: Final = 4096

Server = tuple[str, int]


class DiscoveryError(Exception):
    """No endpoint was found; the text says at which server and why."""


class Record(NamedTuple):
    """One SRV record."""

    priority: int
    weight: int
    port: int
    target: str


class Answer(NamedTuple):
    """What a server said; a truncated answer is to be asked for again over TCP."""

    code: int
    truncated: bool
    records: list[Record]


def question(name: str, number: int) -> bytes:
    """Encode the question for a name's SRV records.  Raises DiscoveryError for a bad name."""
    encoded = b""
    for label in name.rstrip(".").split("."):
        try:
            text = label.encode("idna" if not label.isascii() else "ascii")
        except UnicodeError as error:
            raise DiscoveryError(f"{name!r} is not a name in DNS: {error}") from None
        if not 0 < len(text) < 64:  # noqa: PLR2004 - a label's length has six bits
            raise DiscoveryError(f"{name!r} is not a name in DNS")
        encoded += bytes((len(text),)) + text
    header = _HEADER.pack(number, _QUESTION_FLAGS, 1, 0, 0, 0)
    return header + encoded + b"\0" + struct.pack(">HH", _SRV, _INTERNET)


def answer(data: bytes, number: int) -> Answer:
    """Decode the answer to the question of that number.  Raises DiscoveryError."""
    try:
        answered, flags, questions, count, _, _ = _HEADER.unpack_from(data)
        if answered != number:
            raise DiscoveryError("the answer belongs to another question")
        at = _HEADER.size
        for _ in range(questions):
            at = _name(data, at)[1] + 4
        records = []
        for _ in range(count):
            record, at = _record(data, at)
            records.extend(record)
    except (struct.error, IndexError):
        raise DiscoveryError("the answer is cut off") from None
    return Answer(flags & 0xF, bool(flags & _TRUNCATED), records)


def order(records: list[Record]) -> list[Record]:
    """Sort by priority, and within one by weight, the heaviest first."""
    return sorted(records, key=lambda record: (record.priority, -record.weight, record.target))


def servers(resolv_conf: str) -> list[Server]:
    """Read the name servers from the text of /etc/resolv.conf; this machine's if it has none."""
    words = (line.split() for line in resolv_conf.splitlines())
    found = [(pair[1], 53) for pair in words if len(pair) > 1 and pair[0] == "nameserver"]
    return found or [("127.0.0.1", 53)]


def discover(domain: str, name_servers: list[Server] | None = None) -> list[Endpoint]:
    """Look up the members of etcd in a domain, those with TLS first.

    Raises DiscoveryError if there are none at all.
    """
    if name_servers is None:
        conf = RESOLV_CONF.read_text(errors="replace") if RESOLV_CONF.exists() else ""
        name_servers = servers(conf)
    found: list[Endpoint] = []
    problems: list[str] = []
    for service, tls in SERVICES:
        name = f"{service}.{domain}"
        try:
            records = order(_ask_all(name, name_servers))
        except DiscoveryError as error:
            problems.append(f"{name}: {error}")
            continue
        found.extend(Endpoint(record.target, record.port, tls) for record in records)
    if not found:
        raise DiscoveryError("; ".join(problems) or f"no SRV records for etcd in {domain}")
    return found


def _ask_all(name: str, name_servers: list[Server]) -> list[Record]:
    """Ask one server after the other, twice; the first that answers has said it."""
    problem = "no name server"
    for server in name_servers * ATTEMPTS:
        try:
            reply = _ask(name, server)
        except (OSError, DiscoveryError) as error:
            problem = f"{server[0]}: {error}"
            continue
        if not reply.code or reply.code == _NAME_ERROR:
            return reply.records
        problem = f"{server[0]}: DNS error {reply.code}"
    raise DiscoveryError(problem)


def _ask(name: str, server: Server) -> Answer:
    number = secrets.randbelow(1 << 16)
    asked = question(name, number)
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(ANSWER_SECONDS)
        datagrams.connect(server)
        datagrams.send(asked)
        reply = answer(datagrams.recv(_DATAGRAM_BYTES), number)
    if not reply.truncated:
        return reply
    with (
        socket.create_connection(server, timeout=ANSWER_SECONDS) as stream,
        stream.makefile("rb") as received,
    ):
        stream.sendall(struct.pack(">H", len(asked)) + asked)
        size = int.from_bytes(received.read(2), "big")
        return answer(received.read(size), number)


def _record(data: bytes, at: int) -> tuple[list[Record], int]:
    """Return the SRV record that begins at `at`, or nothing for another type, and the next."""
    _, at = _name(data, at)
    kind, _, _, size = _RECORD.unpack_from(data, at)
    start = at + _RECORD.size
    end = start + size
    if kind != _SRV:  # a CNAME on the way
        return [], end
    priority, weight, port = _PRIORITY_WEIGHT_PORT.unpack_from(data, start)
    target, _ = _name(data, start + _PRIORITY_WEIGHT_PORT.size)
    return [Record(priority, weight, port, target)], end


def _name(data: bytes, at: int) -> tuple[str, int]:
    """Return the name that begins at `at`, following pointers, and where it ends there."""
    labels: list[str] = []
    end = 0
    here = run = at
    while length := data[here]:
        if length & _POINTER == _POINTER:
            end = end or here + 2
            target = (length & ~_POINTER) << 8 | data[here + 1]
            if target >= run:  # only ever backwards: what else could go round for ever
                raise DiscoveryError("a name in the answer does not point backwards")
            here = run = target
            continue
        labels.append(data[here + 1 : here + 1 + length].decode("ascii", errors="replace"))
        here += 1 + length
    return ".".join(labels), end or here + 1
