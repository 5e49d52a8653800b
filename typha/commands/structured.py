"""JSON of what others have written: paths and variables need not be UTF-8, JSON has to be."""

import json
from typing import Any

import orjson


def dumps(value: Any, option: int = 0) -> bytes:
    """Return JSON; bytes that are not UTF-8, as Python keeps them, become U+FFFD."""
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError:  # it says no more of the reason
        plain = json.dumps(value, ensure_ascii=False)
        clean = plain.encode(errors="surrogateescape").decode(errors="replace")
        return orjson.dumps(orjson.loads(clean), option=option)
