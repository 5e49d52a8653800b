"""Since when the certificates in our files are valid, and when they expire.

Reads just the two fields, as a library for certificates would double what this process weighs.
Whether certificates are any good is not judged here.
"""

import datetime as dt
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

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


class Span(NamedTuple):
    """From when to when something is valid, in Unix seconds."""

    begins: float
    expires: float


def spans(paths: dict[str, str]) -> dict[str, Span]:
    """Return, by role, when all certificates of a file are valid.

    Files that cannot be read now are left out; who uses them says so in the log.
    """
    found = {}
    for role, path in paths.items():
        try:
            each = list(dates(Path(path).read_text(encoding="ascii", errors="replace")))
            found[role] = Span(max(s.begins for s in each), min(s.expires for s in each))
        except (OSError, ValueError) as error:
            log.debug("no expiry", extra={"file": path, "error": error})
    return found


class Warner:
    """Tells the log of what has expired, soon will, or is not valid yet, once each time."""

    def __init__(self, paths: dict[str, str]) -> None:
        """Take the files by what they are for."""
        self._paths = paths
        self._told: dict[str, tuple[Span, str]] = {}

    def look(self, found: dict[str, Span], now: float) -> None:
        """Take when certificates are valid, by role, and the time in Unix seconds."""
        for role, span in found.items():
            finding = _finding(span, now)
            if self._told.get(role) == (span, finding):
                continue
            self._told[role] = (span, finding)
            about = {"role": role, "file": self._paths[role], "expires": _moment(span.expires)}
            match finding:
                case "over":
                    log.error("certificate has expired", extra=about)
                case "early":  # or a clock is wrong: this one, or that of who has issued it
                    begins = {**about, "begins": _moment(span.begins)}
                    log.error("certificate is not valid yet", extra=begins)
                case "soon":
                    log.warning("certificate expires soon", extra=about)


def _finding(span: Span, now: float) -> str:
    if span.expires <= now:
        return "over"
    if now < span.begins:
        return "early"
    return "soon" if span.expires - now <= SOON_SECONDS else ""


def _moment(unix_seconds: float) -> str:
    return dt.datetime.fromtimestamp(unix_seconds, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def dates(pem: str) -> Iterator[Span]:
    """Yield when each certificate of a PEM text is valid.  Raises ValueError if one is broken."""
    for part in pem.split(_BEGIN)[1:]:
        body, end, _rest = part.partition(_END)
        if not end:
            raise ValueError("a certificate does not end")
        yield validity(ssl.PEM_cert_to_DER_cert(f"{_BEGIN}{body}{_END}\n"))


def validity(der: bytes) -> Span:
    """Return when a certificate is valid.  Raises ValueError if it is broken."""
    try:
        _tag, certificate, _ = _element(der)
        _tag, signed, _ = _element(certificate)
        tag, _content, rest = _element(signed)
        if tag == _EXPLICIT_VERSION:  # absent in version 1
            _tag, _serial, rest = _element(rest)
        _tag, _algorithm, rest = _element(rest)
        _tag, _issuer, rest = _element(rest)
        _tag, both, _ = _element(rest)
        first_tag, before, rest = _element(both)
        tag, after, _ = _element(rest)
    except IndexError as error:
        raise ValueError("a certificate is cut short") from error
    return Span(_time(first_tag, before.decode("ascii")), _time(tag, after.decode("ascii")))


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
