"""Tables in plain text, for terminals and for files.

What the columns hold was said by others: control characters are escaped.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import click

from typha.ops import columns
from typha.ops.columns import Columns
from typha.telemetry import layouts

GAP: Final = "  "
NUMBERS: Final = (int, float)


def table(shape: Columns, rows: Sequence[dict[str, Any]]) -> str:
    """Lay rows out under headings; numbers stand to the right."""
    cells = [
        [layouts.escaped(columns.shown(member, row.get(member))) for member in shape]
        for row in rows
    ]
    headings = list(shape.values())
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    right = [any(isinstance(row.get(member), NUMBERS) for row in rows) for member in shape]
    lines = [click.style(_line(headings, widths, right), dim=True)]
    lines += [_line(row, widths, right) for row in cells]
    return "\n".join(lines)


def _line(cells: Iterable[str], widths: Iterable[int], right: Iterable[bool]) -> str:
    padded = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(cells, widths, right, strict=True)
    ]
    return GAP.join(padded).rstrip()
