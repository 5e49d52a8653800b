"""Memory that was freed, back to the system.  Knows nothing of what was in it."""

import contextlib
import ctypes


def give_back() -> None:
    """Return free pages: after a long list there are many between what stays.

    Only glibc keeps them and has a name for this; elsewhere nothing is done.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
