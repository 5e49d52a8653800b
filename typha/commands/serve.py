"""`typha serve`: the server."""

import os

import click

from typha import commands, daemon
from typha.commands import early, options
from typha.parent import listening, rundir


@click.command
@options.config_file
def serve(config_file: str) -> int:
    """Run the server until it is told to end.

    \b
    SIGTERM  sheds the clients over ShutdownTimeoutSecs, then ends with 0;
             a second one ends at once
    SIGHUP   reads certificates and log settings again
    SIGUSR1  writes memory reports to DebugMemoryProfilePath
    """  # noqa: D301 click's mark for lines to keep as they are
    return run(config_file)


def run(config_file: str) -> int:
    """Run the server; raise CommandError or ConfigError for what keeps it from starting."""
    early.obey()
    try:
        return daemon.run(daemon.Configuration(environ=os.environ, file=config_file))
    except rundir.RunDirError as error:
        raise commands.CommandError(str(error)) from error
    except listening.ListenError as error:
        raise commands.CommandError(str(error), "is a server running there?") from error
