"""Which version this is; an image build may add the commit and the date."""

import platform
from importlib import resources

import click
import orjson

import typha
from typha.commands import options


def build() -> dict[str, str]:
    """Return what the image build wrote down: `commit` and `date`, both empty elsewhere.

    A build puts them into the file build.json of the package, as a JSON object.
    """
    file = resources.files("typha").joinpath("build.json")
    known = orjson.loads(file.read_bytes()) if file.is_file() else {}
    return {name: str(known.get(name, "")) for name in ("commit", "date")}


def lines() -> list[str]:
    """Return what the original prints for --version."""
    built = build()
    return [
        f"{'Version:':<20}{typha.__version__}",
        f"{'Full git commit ID:':<20}{built['commit']}",
        f"{'Build date:':<20}{built['date']}",
    ]


@click.command
@options.layout
def version(layout: str) -> None:
    """Print which version this is."""
    if layout == "json":
        known = {"version": typha.__version__, **build(), "python": platform.python_version()}
        click.echo(orjson.dumps(known))
        return
    click.echo("\n".join([*lines(), f"{'Python:':<20}{platform.python_version()}"]))
