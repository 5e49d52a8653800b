"""IP addresses and networks in Go's canonical text.

Texts come in and texts go out: what is equal as an address is equal as text.  An IPv4 address
mapped into IPv6 is IPv4.  Whatever Go's parser refuses (leading zeros, zones, netmasks, blanks) is
None here, and so is the empty text.  The rules are Go's net and netip packages'.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_DOTTED = rf"({_OCTET})\.({_OCTET})\.({_OCTET})\.({_OCTET})"
_IPV4 = re.compile(_DOTTED)
_IPV4_NET = re.compile(rf"{_DOTTED}(?:/(3[0-2]|[12]?[0-9]))?")
# IPv4 networks whose prefix ends with an octet, and single addresses, as `parse_net` returns them.
is_plain_net = re.compile(
    rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.(?:0/24|{_OCTET}/32)"
    rf"|{_OCTET}\.{_OCTET}\.0\.0/16|{_OCTET}\.0\.0\.0/8|0\.0\.0\.0/0"
).fullmatch
_GROUP = re.compile("[0-9a-fA-F]{1,4}")
_ZEROS = re.compile(r"\b0(?::0)+\b")  # a single zero group is left alone
_PREFIX = re.compile("0*([0-9]{1,3})")
_MAPPED = 0xFFFF << 32  # ::ffff:0.0.0.0
_MAPPED_BITS = 96
_V4, _V6 = 4, 6
_BITS = {_V4: 32, _V6: 128}
_GROUPS = 8
_LONGEST_REMEMBERED = 64  # characters; no network written plainly is longer
_REMEMBERED = 4096  # texts; those of one object are read several times on their way


class Net(NamedTuple):
    """A network with the address it was written with, as numbers."""

    version: int  # 4 or 6
    address: int  # host bits included
    prefix: int

    @property
    def network(self) -> int:
        """The address with its host bits cleared."""
        host = _BITS[self.version] - self.prefix
        return self.address >> host << host

    def address_text(self) -> str:
        """Return the address as written, canonical."""
        return _text(self.version, self.address)

    def network_text(self) -> str:
        """Return the masked network with its prefix length."""
        return f"{_text(self.version, self.network)}/{self.prefix}"


def parse_ip(text: str) -> str | None:
    """Return the canonical text of an address without a prefix length."""
    if _IPV4.fullmatch(text):
        return text
    net = parse(text) if ":" in text and "/" not in text else None
    return None if net is None else net.address_text()


def parse_cidr(text: str) -> str | None:
    """Return the canonical masked network of a text with a prefix length."""
    net = parse(text) if "/" in text else None
    return None if net is None else net.network_text()


def parse_net(text: str) -> str | None:
    """Return the canonical masked network of a CIDR or an address (/32 or /128)."""
    found = _IPV4_NET.fullmatch(text)
    if found:
        if found[5] is None:
            return text + "/32"
        a, b, c, d, prefix = map(int, found.groups())
        address = a << 24 | b << 16 | c << 8 | d
        host_bits = 32 - prefix
        if address >> host_bits << host_bits == address:
            return text
        return Net(_V4, address, prefix).network_text()
    other = parse(text)
    return None if other is None else other.network_text()


def parse(text: str) -> Net | None:
    """Read a CIDR or an address; a single address has the longest prefix."""
    return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else _parse(text)


def _parse(text: str) -> Net | None:
    head, slash, tail = text.partition("/")
    found = _IPV4.fullmatch(head)
    if found:
        a, b, c, d = found.groups()
        version, address = _V4, int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)
        written, prefix = 32, 32
    else:
        number = _ipv6(head)
        if number is None:
            return None
        version, address = _unmapped(number)
        written, prefix = 128, _BITS[version]
    if not slash:
        return Net(version, address, prefix)
    length = _PREFIX.fullmatch(tail)
    if length is None or int(length[1]) > written:
        return None
    return _net(version, address, int(length[1]) - (written - prefix))


_remembered = lru_cache(_REMEMBERED)(_parse)


def version_of(canonical: str) -> int:
    """Return 4 or 6 for a text that a function of this module has returned."""
    return _V6 if ":" in canonical else _V4


def _net(version: int, address: int, prefix: int) -> Net:
    """Build a network; a mapped one too wide to be IPv4 (its prefix is below 0) stays IPv6."""
    if prefix < 0:
        return Net(_V6, address | _MAPPED, prefix + _MAPPED_BITS)
    return Net(version, address, prefix)


def _unmapped(address: int) -> tuple[int, int]:
    """Return version and number of an IPv6 address; a mapped one is IPv4."""
    if address >> 32 == _MAPPED >> 32:
        return _V4, address & 0xFFFFFFFF
    return _V6, address


def _ipv6(text: str) -> int | None:
    """Read an IPv6 address, mapped ones included."""
    head, ellipsis, tail = text.partition("::")
    before, after = _groups(head), _groups(tail)
    if before is None or after is None or (ellipsis and "." in head):
        return None
    missing = _GROUPS - len(before) - len(after)
    if missing < 1 if ellipsis else missing != 0:
        return None
    number = 0
    for group in (*before, *[0] * missing, *after):
        number = number << 16 | group
    return number


def _groups(text: str) -> list[int] | None:
    """Read groups between colons, the last of which may be a dotted IPv4 address."""
    if not text:
        return []
    *first, last = text.split(":")
    dotted = _IPV4.fullmatch(last)
    if dotted:
        a, b, c, d = map(int, dotted.groups())
        ending = [a << 8 | b, c << 8 | d]
    else:
        first.append(last)
        ending = []
    if not all(map(_GROUP.fullmatch, first)):
        return None
    return [int(group, 16) for group in first] + ending


def _text(version: int, address: int) -> str:
    if version == _V4:
        return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
    groups = ":".join([f"{address >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)])
    run = max(_ZEROS.finditer(groups), key=_length, default=None)
    if run is None:
        return groups
    return f"{groups[: run.start()].rstrip(':')}::{groups[run.end() :].lstrip(':')}"


def _length(run: re.Match[str]) -> int:
    return run.end() - run.start()
