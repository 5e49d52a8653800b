"""Finding the running server, and asking its ops process: for `status`, `clients` and `top`.

On the same machine it is found by its run directory, whatever endpoints are switched on;
elsewhere by the address of its health endpoint.
"""

import http.client
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import click
import orjson

from typha.commands import CommandError, options
from typha.config import loading
from typha.ops import endpoints
from typha.parent import rundir

PATIENCE_SECONDS: Final = 5.0
HEALTH_PORT: Final = 9098  # what HealthPort is unless set

Command = TypeVar("Command", bound=Callable[..., Any])


class AbsentError(CommandError):
    """No server answers where we look."""


def which_server(command: Command) -> Command:
    """Give a command the options that say which server is meant."""
    chosen = click.option(
        "--rundir", metavar="DIR", help="The server's run directory, if there are several servers."
    )(command)
    chosen = click.option(
        "--url", metavar="URL", help="Its health endpoint, if it runs elsewhere: http://HOST:PORT"
    )(chosen)
    return options.config_file(chosen)  # it may name the run directory


class Server:
    """A server's ops process, wherever it is."""

    def __init__(self, *, rundir: str | None, url: str | None, config_file: str) -> None:
        """Take the options; nothing is looked for yet."""
        self._rundir = rundir
        self._url = url
        self._config_file = config_file

    def ask(self, path: str) -> Any:
        """Return what is said at a path, as JSON has it.  Raises AbsentError or CommandError."""
        connection, where = self._connection()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        except OSError as error:
            text = f"the server at {where} does not answer: {error.strerror or error}"
            raise AbsentError(text, "is it running?") from error
        except http.client.HTTPException as error:
            raise CommandError(f"no HTTP is spoken at {where}: {error!r}") from error
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            text = f"{where} is not Typha's health endpoint: status {response.status}"
            raise CommandError(text)
        try:
            return orjson.loads(body)
        except ValueError as error:
            text = f"{where} is not Typha's health endpoint: what it answers is no JSON"
            raise CommandError(text) from error

    def _connection(self) -> tuple[http.client.HTTPConnection, str]:
        """Return what to ask, not yet connected, and where that is."""
        if self._url:
            try:
                host, port = _host_and_port(self._url)
                found = http.client.HTTPConnection(host, port, timeout=PATIENCE_SECONDS)
            except (ValueError, http.client.InvalidURL) as error:
                text = f"{self._url!r} is no URL like http://HOST:PORT"
                raise click.BadParameter(text, param_hint="--url") from error
            return found, f"{host}:{port}"
        folder = self._folder()
        return _OverUnixSocket(folder / endpoints.SOCKET_NAME), str(folder)

    def _folder(self) -> Path:
        """Find the run directory: as told, as configured, or the only one there is."""
        if self._rundir:
            return Path(self._rundir)
        loaded, _errors = loading.examine(os.environ, self._config_file)
        if configured := loaded.settings.processes.run_dir:
            return Path(configured)
        running = rundir.running()
        if not running:
            raise AbsentError(
                "no server of this user is running here", "--url names one elsewhere"
            )
        if len(running) > 1:
            names = ", ".join(map(str, running))
            raise CommandError(f"several servers are running: {names}", "--rundir chooses one")
        return running[0]


def _host_and_port(url: str) -> tuple[str, int]:
    """Return where a URL leads, its scheme being optional; raise ValueError where to no host."""
    parts = urlsplit(url if "//" in url else f"//{url}")
    host = parts.hostname or ""
    if not host.encode("idna"):  # a resolver would raise for what cannot be a host's name
        raise ValueError(url)
    return host, parts.port or HEALTH_PORT


class _OverUnixSocket(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_SECONDS)
        self._path = path

    def connect(self) -> None:  # type: ignore[explicit-override]  # typing.override came with 3.12
        """Connect to the path instead of to a host."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_SECONDS)
        self.sock.connect(str(self._path))
