"""When the certificates in our files expire.

Reads just the one field, as a library for certificates would double what this process weighs.
Whether certificates are any good is not judged here.
"""

import datetime as dt
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from typha.config.settings import Settings

LOOK_SECONDS: Final = 60.0  # between two looks at the files
SOON_SECONDS: Final = 14 * 24 * 3600.0  # as the alert has it
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_UTC_TIME, _GENERALIZED_TIME, _EXPLICIT_VERSION = 0x17, 0x18, 0xA0
_LONG_FORM: Final = 0x80

log = logging.getLogger(__name__)


def files(settings: Settings) -> dict[str, str]:
    """Return the certificate files that are configured, by what they are for."""
    known = {
        "server": settings.tls.cert_file,
        "ca": settings.tls.ca_file,
        "metrics": settings.metrics.cert_file,
        "metrics-ca": settings.metrics.ca_file,
        "peer": settings.rebalancing.peer_cert_file,
    }
    return {role: path for role, path in known.items() if path}


def earliest(paths: dict[str, str]) -> dict[str, float]:
    """Return, by role, when the first certificate of a file expires, in Unix seconds.

    Files that cannot be read now are left out; who uses them says so in the log.
    """
    found = {}
    for role, path in paths.items():
        try:
            found[role] = min(dates(Path(path).read_text(encoding="ascii", errors="replace")))
        except (OSError, ValueError) as error:
            log.debug("no expiry", extra={"file": path, "error": error})
    return found


class Warner:
    """Tells the log of what has expired or soon will, once each time."""

    def __init__(self, paths: dict[str, str]) -> None:
        """Take the files by what they are for."""
        self._paths = paths
        self._told: dict[str, tuple[float, bool]] = {}  # expiry, and whether that had been

    def look(self, expiries: dict[str, float], now: float) -> None:
        """Take when certificates expire, by role, and the time, both in Unix seconds."""
        for role, expires in expiries.items():
            is_over = expires <= now
            if expires - now > SOON_SECONDS or self._told.get(role) == (expires, is_over):
                continue
            self._told[role] = (expires, is_over)
            moment = dt.datetime.fromtimestamp(expires, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
            about = {"role": role, "file": self._paths[role], "expires": moment}
            if is_over:
                log.error("certificate has expired", extra=about)
            else:
                log.warning("certificate expires soon", extra=about)


def dates(pem: str) -> Iterator[float]:
    """Yield when each certificate of a PEM text expires.  Raises ValueError if one is broken."""
    for part in pem.split(_BEGIN)[1:]:
        body, end, _rest = part.partition(_END)
        if not end:
            raise ValueError("a certificate does not end")
        yield not_after(ssl.PEM_cert_to_DER_cert(f"{_BEGIN}{body}{_END}\n"))


def not_after(der: bytes) -> float:
    """Return when a certificate expires, in Unix seconds.  Raises ValueError if it is broken."""
    try:
        _tag, certificate, _ = _element(der)
        _tag, signed, _ = _element(certificate)
        tag, _content, rest = _element(signed)
        if tag == _EXPLICIT_VERSION:  # absent in version 1
            _tag, _serial, rest = _element(rest)
        _tag, _algorithm, rest = _element(rest)
        _tag, _issuer, rest = _element(rest)
        _tag, validity, _ = _element(rest)
        _tag, _before, rest = _element(validity)
        tag, after, _ = _element(rest)
    except IndexError as error:
        raise ValueError("a certificate is cut short") from error
    return _time(tag, after.decode("ascii"))


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Split off the first element: its tag, its content, and what follows."""
    tag, length, start = data[0], data[1], 2
    if length & _LONG_FORM:
        count = length & ~_LONG_FORM
        start += count
        length = int.from_bytes(data[2:start])
    if start + length > len(data):
        raise IndexError
    return tag, data[start : start + length], data[start + length :]


def _time(tag: int, text: str) -> float:
    """Read a time; years of two digits are those of 1950 to 2049."""
    if tag == _UTC_TIME:
        century = "19" if text[:2] >= "50" else "20"
        text = century + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("there is no date where it should be")
    moment = dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)
    return moment.timestamp()
