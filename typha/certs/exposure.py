"""Who can read a private key.  Imports nothing heavy: the parent asks at every start."""

import stat
from pathlib import Path


def readable_by_everybody(path: str) -> str:
    """Return the mode of a file that every user of the machine can read, as octal digits.

    Empty for any other file, and where there is none.
    """
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return ""
    return f"{stat.S_IMODE(mode):04o}" if mode & stat.S_IROTH else ""
