"""`typha demo`: the main job on one machine, from nothing, as a story."""

import contextlib
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from typha.commands.demonstration.story import Story


@click.command
@click.option(
    "--workers", type=click.IntRange(1, 16), default=2, show_default=True, help="Worker processes."
)
@click.option("--stay", is_flag=True, help="Keep everything running at the end, until Ctrl-C.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Put the files into a new folder, and leave them there.",
)
def demo(workers: int, keep: Path | None, *, stay: bool) -> None:
    """Show the main job on this machine, from nothing.

    Makes certificates and an example cluster in a folder, starts a server on them, lets clients
    of four generations connect, changes the cluster, breaks things, and tells what came of it.
    Takes about a quarter of a minute, needs no privileges, and leaves nothing behind.
    """
    signal.signal(signal.SIGTERM, _interrupted)
    with _folder(keep) as folder, contextlib.ExitStack() as running:
        story = Story(folder, workers, running)
        try:
            story.prepare()
            story.serve()
            story.connect()
            story.change()
            story.go_wrong()
            if stay:
                story.stay()
            story.end()
        except click.ClickException:
            story.confess()
            raise
        story.advise()


def _interrupted(_number: int, _frame: object) -> None:
    """End like after Ctrl-C: everything on stage is taken down."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give a folder for everything; a temporary one is removed again."""
    if keep:
        keep.mkdir(parents=True)
        yield keep.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="typha-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
