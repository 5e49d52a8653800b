"""The three standard streams, as whoever started us may have left them."""

import io
import os
import sys
from typing import Final

_LAST: Final = 2  # stderr's descriptor


def prepare() -> None:
    """Have something behind all three, and let stdout take any text.

    With a descriptor closed, the next file or socket that is opened would get its number, and
    with it all that is logged or printed there.  What a stream cannot encode is escaped: names
    and values come from others, and none of them is worth an end in the middle of the output.
    """
    while (opened := os.open(os.devnull, os.O_RDWR)) <= _LAST:
        pass  # the lowest free number is taken each time
    os.close(opened)
    sys.stdout = sys.stdout or _writer(1)
    sys.stderr = sys.stderr or _writer(_LAST)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _writer(descriptor: int) -> io.TextIOWrapper:
    return open(descriptor, "w", encoding="utf-8", closefd=False)
