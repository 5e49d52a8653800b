"""Which spelling of policy keys a client understands, by what its hello says."""

import re
from typing import Final

from typha.syncproto.messages import ClientHello, Dialect

_RELEASE: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?!\d)")
# The first release that understands each, newest first; announced keys come before all of them.
_SINCE: Final = (((3, 30), Dialect.V3_30), ((3, 29), Dialect.V3_29))


def of(hello: ClientHello) -> Dialect:
    """Choose a dialect: by announcement, else by version, else what every client can read."""
    if hello.supports_modern_policy_keys:
        return Dialect.MODERN
    known = release(hello.version) or (0, 0)
    return next((dialect for since, dialect in _SINCE if known >= since), Dialect.LEGACY)


def is_guessed(hello: ClientHello) -> bool:
    """Tell whether nothing in the hello says what the client can read."""
    return not hello.supports_modern_policy_keys and release(hello.version) is None


def release(version: str) -> tuple[int, int] | None:
    """Return major and minor of a version like v3.28.5, None for anything else."""
    match = _RELEASE.match(version)
    return (int(match[1]), int(match[2])) if match else None
