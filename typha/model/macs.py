"""Hardware addresses, as Go's net.ParseMAC reads them."""

import re
from typing import Final

_PAIRS: Final = "|".join(
    rf"(?:[0-9a-f]{{2}}{separator}){{{count - 1}}}[0-9a-f]{{2}}"
    for separator in (":", "-")
    for count in (6, 8, 20)
)
_QUADS: Final = "|".join(
    rf"(?:[0-9a-f]{{4}}\.){{{count // 2 - 1}}}[0-9a-f]{{4}}" for count in (6, 8, 20)
)
_FORM: Final = re.compile(f"{_PAIRS}|{_QUADS}", re.ASCII | re.IGNORECASE)


def parse(text: str) -> str | None:
    """Return the address in Go's form, `66:aa:bb:cc:dd:01`; None if the text is not one.

    Accepted are 6, 8 or 20 bytes as `01:23:…`, `01-23-…` or `0123.4567.…`.
    """
    if _FORM.fullmatch(text) is None:
        return None
    digits = re.sub("[:.-]", "", text.lower())
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
