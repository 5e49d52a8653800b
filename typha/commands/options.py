"""Options that several commands have, each with one meaning."""

import math
from typing import Any

import click

from typha.config import loading


class Seconds(click.FloatRange):
    """A finite number of seconds: nothing can be waited for until infinity, or NaN, has passed."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:  # type: ignore[explicit-override]  # typing.override came with 3.12
        """Return the number; fail as click's own types do."""
        seconds = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value} is no number of seconds", param, ctx)
        return seconds


config_file = click.option(
    *("-c", "--config-file"),
    default=loading.DEFAULT_FILE,
    show_default=True,
    help="The configuration file; it need not exist.",
)

layout = click.option(
    *("--format", "layout"),
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
