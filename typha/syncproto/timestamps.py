"""The bytes by which Go marshals a time.  Knows no clock.

Version 1: seconds since year 1 (8 bytes), nanoseconds (4), minutes east of UTC (2; -1 is UTC
itself).  Version 2 adds a byte for odd seconds of the offset.  The instant does not depend on it.
"""

import struct
from typing import Final

from typha.syncproto.errors import UndecodableError

_UNIX_EPOCH_SECONDS: Final = 62_135_596_800  # from 1 January of the year 1
_LAYOUT: Final = struct.Struct(">BqIh")
_SIZES: Final = {1: _LAYOUT.size, 2: _LAYOUT.size + 1}
_UTC: Final = -1


def encode(unix_nanoseconds: int) -> bytes:
    """Marshal an instant given in nanoseconds since 1970, as UTC."""
    seconds, nanoseconds = divmod(unix_nanoseconds, 10**9)
    return _LAYOUT.pack(1, seconds + _UNIX_EPOCH_SECONDS, nanoseconds, _UTC)


def decode(data: bytes) -> int:
    """Return nanoseconds since 1970; raise UndecodableError for what Go would not take."""
    if not data or _SIZES.get(data[0]) != len(data):
        raise UndecodableError(f"a time of {len(data)} bytes that starts {data[:1].hex()!r}")
    _, seconds, nanoseconds, _ = _LAYOUT.unpack_from(data)
    return (int(seconds) - _UNIX_EPOCH_SECONDS) * 10**9 + int(nanoseconds)
