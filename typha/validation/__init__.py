"""Which values are fit to be sent; what is not goes out as "no value".

The rules are the original's filter between its syncers and its cache, not the API server's: they
look at keys and values as clients see them.  Two sets: `v3` for whole resources, `v1` for the
rest.
"""

from typha.model import paths
from typha.model.resources import JsonObject
from typha.validation import v1, v3


def reason_unfit(key: str, value: bytes | JsonObject) -> str | None:
    """Tell why a value must not be sent under its key; None if it may be.

    Raw values (settings, addresses, the ready flag) are always fit.
    """
    if isinstance(value, bytes):
        return None
    if key.startswith(paths.RESOURCES):
        plural, _, _ = key[len(paths.RESOURCES) :].partition("/")
        return v3.reason_unfit(plural, value)
    return v1.reason_unfit(key, value)
