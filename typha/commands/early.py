"""What SIGTERM means to a server that has only begun to start.

As a container's first process it would be ignored, as long as nothing else is said: the kernel
spares that process what it does not handle, and the container would be killed only after all of
its time to end.  Elsewhere the run directory would be left behind.
"""

import signal
from typing import NoReturn


def obey() -> None:
    """End with 0 at once when told to, until the supervisor takes over."""
    signal.signal(signal.SIGTERM, _end)


def _end(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)
