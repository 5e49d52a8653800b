"""Kubernetes quantities such as `1.5k`, `2Gi` or `3e6`, as whole numbers."""

import re
from decimal import ROUND_UP, Decimal
from typing import Final

_FORM: Final = re.compile(
    r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:([KMGTPE]i)|([numkMGTPE]?)|[eE]([+-]?[0-9]{1,3}))",
    re.ASCII,
)
_BINARY: Final = {unit: 1 << 10 * (power + 1) for power, unit in enumerate("KMGTPE")}
_DECIMAL: Final = {
    "n": -9,
    "u": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
}
_MAX: Final = (1 << 63) - 1  # a larger quantity counts as this much
_LONGEST_TEXT: Final = 64  # characters; a quantity that needs more is not one


def whole(text: str) -> int:
    """Return a quantity rounded away from zero to a whole number; one without digits is 0.

    Raises ValueError, naming what is not a quantity.
    """
    form = _FORM.fullmatch(text) if 0 < len(text) <= _LONGEST_TEXT else None
    if form is None:
        raise ValueError(f"{text[:_LONGEST_TEXT]!r} is not a quantity such as 100, 10k or 1Gi")
    sign, digits, fraction, binary, decimal, exponent = form.groups()
    amount = Decimal(f"{sign}{digits or 0}.{fraction or 0}")
    if binary:
        amount *= _BINARY[binary[0]]
    else:
        amount = amount.scaleb(_DECIMAL[decimal] if decimal else int(exponent or 0))
    if abs(amount) >= _MAX:
        return _MAX if amount > 0 else -_MAX
    return int(amount.to_integral_value(rounding=ROUND_UP))
