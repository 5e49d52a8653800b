"""Options that several commands have, each with one meaning."""

import click

from typha.config import loading

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
