"""Which member of etcd to talk to, and when to try the next.  Pure: chance comes in as a function.

All streams use one member at a time, so that what a client hears is in one order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

DEFAULT_PORT: Final = 2379

FIRST_PAUSE_SECONDS: Final = 0.25  # after every member has failed once
LONGEST_PAUSE_SECONDS: Final = 10.0  # the original's client gives a dial as long


class EndpointError(ValueError):
    """A text is not an endpoint; it says what is accepted."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One member."""

    host: str
    port: int
    tls: bool

    @property
    def authority(self) -> str:
        """The host and port as in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The endpoint as a user writes it."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"


def parse(url: str) -> Endpoint:
    """Read an endpoint such as `https://etcd-1:2379`, with or without a slash at its end.

    Raises EndpointError.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise EndpointError(f"{url!r}: {error}") from None
    plain = parts.path in {"", "/"} and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in {"http", "https"} or not host or not plain:
        raise EndpointError(f"{url!r} is not an endpoint such as https://etcd-1:2379")
    return Endpoint(host, DEFAULT_PORT if port is None else port, tls=parts.scheme == "https")


class Rotation:
    """Goes round the members; waits only when all of them have failed in turn.

    `chance` gives numbers from 0 to 1: it picks the first member, so that a crowd of servers
    spreads, and shortens pauses by up to a half, so that the crowd does not come back as one.
    """

    def __init__(self, members: Sequence[Endpoint], chance: Callable[[], float]) -> None:
        """Start anywhere; there must be at least one member."""
        self._members = tuple(members)
        self._chance = chance
        self._at = int(chance() * len(members)) % len(members)
        self._failures = 0

    @property
    def current(self) -> Endpoint:
        """The member whose turn it is."""
        return self._members[self._at]

    def renew(self, members: Sequence[Endpoint]) -> None:
        """Go round other members from now on; failures count on."""
        self._members = tuple(members)
        self._at %= len(self._members)

    def succeeded(self) -> None:
        """Note that the current member works."""
        self._failures = 0

    def failed(self) -> float:
        """Move on to the next member; return for how many seconds to wait before trying it."""
        self._failures += 1
        self._at = (self._at + 1) % len(self._members)
        rounds = self._failures // len(self._members)
        if not rounds or self._failures % len(self._members):
            return 0.0
        pause = min(FIRST_PAUSE_SECONDS * (1 << min(rounds - 1, 10)), LONGEST_PAUSE_SECONDS)
        return pause * (1 - self._chance() / 2)
