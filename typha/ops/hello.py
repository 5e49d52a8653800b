"""A hello to a worker through its Unix socket, as a client would say it."""

import socket
from dataclasses import replace
from pathlib import Path
from typing import Final

from typha import dialing
from typha.dialing import DialError, Timeouts
from typha.syncproto import generations
from typha.syncproto.client import ClientSession
from typha.syncproto.messages import SyncerType

ANSWER_SECONDS: Final = 2.0


def problem(path: Path) -> str:
    """Exchange hellos with the worker at a socket; return why that failed, or nothing."""
    hello = generations.hello(SyncerType.FELIX, hostname="localhost", info="self-probe")
    # Without compression nothing has to be acknowledged: hello and hello, that is all.
    hello = replace(hello, supports_decoder_restart=False, compression_algorithms=())
    timeouts = Timeouts(read=ANSWER_SECONDS, write=ANSWER_SECONDS)
    try:
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(ANSWER_SECONDS)
            stream.connect(str(path))
            dialing.Connection(stream, ClientSession(hello), timeouts)
    except (OSError, DialError) as error:
        return str(error) or type(error).__name__
    return ""
