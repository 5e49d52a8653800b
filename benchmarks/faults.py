"""What can go wrong with a server, its datastore and its clients: one function a fault.

Every fault says in a few words what it did.  `calm` ends those that last.
"""

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from benchmarks.bench import Bench
from benchmarks.children import Child

Fault = Callable[[], str]

STOPS_SECONDS: Final = (0.5, 8.0)
BREAKS_SECONDS: Final = (0.5, 6.0)
FLOOD_CONNECTIONS: Final = 300
FLOOD_SECONDS: Final = 1.0
GARBAGE: Final = (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", bytes(3000))


def all_of_them(bench: Bench, swarm: Child, dice: random.Random) -> dict[str, Fault]:
    """Return every fault by name."""
    return {
        "kill a worker": partial(send, bench, dice, "worker", signal.SIGKILL),
        "kill the watcher": partial(send, bench, dice, "watcher", signal.SIGKILL),
        "kill ops": partial(send, bench, dice, "ops", signal.SIGKILL),
        "stop a worker": partial(stop, bench, dice, "worker"),
        "stop the watcher": partial(stop, bench, dice, "watcher"),
        "reload": partial(reload_settings, bench),
        "API drops watches": partial(break_api, bench, "drop"),
        "API forgets history": partial(break_api, bench, "forget"),
        "API refuses": partial(break_api_for, bench, dice, "refuse"),
        "API falls silent": partial(break_api_for, bench, dice, "mute"),
        "clients hang up": partial(hang_up, swarm, dice),
        "clients stop reading": partial(pause, swarm, dice),
        "flood": partial(flood, bench.tree.port, dice),
    }


def processes(bench: Bench, role: str) -> list[int]:
    """Return the server's processes of a role: worker, watcher or ops."""
    return [pid for pid, name in bench.tree.roles().items() if f" {role}" in name]


def send(bench: Bench, dice: random.Random, role: str, signum: signal.Signals) -> str:
    """Send a signal to one process of a role."""
    if not (found := processes(bench, role)):
        return "none there"
    pid = dice.choice(found)
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return f"{pid} is gone"
    return f"{signum.name} to {pid}"


def stop(bench: Bench, dice: random.Random, role: str) -> str:
    """Stop one process of a role, and let it go on after some seconds."""
    if not (found := processes(bench, role)):
        return "none there"
    pid, seconds = dice.choice(found), dice.uniform(*STOPS_SECONDS)
    try:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return f"{pid} was replaced meanwhile"
    return f"{pid} for {seconds:.1f} s"


def reload_settings(bench: Bench) -> str:
    """Let the server read certificates and log settings again."""
    bench.tree.process.send_signal(signal.SIGHUP)
    return "SIGHUP"


def break_api(bench: Bench, verb: str) -> str:
    """Let the API server do something once."""
    bench.load.ask(verb)
    return verb


def break_api_for(bench: Bench, dice: random.Random, verb: str) -> str:
    """Let the API server behave badly for some seconds."""
    seconds = dice.uniform(*BREAKS_SECONDS)
    bench.load.ask(verb, seconds=seconds)
    return f"for {seconds:.1f} s"


def hang_up(swarm: Child, dice: random.Random) -> str:
    """Let some clients leave without a word; they come back."""
    return str(swarm.ask("hang_up", clients=dice.randint(1, 40))["hung_up"])


def pause(swarm: Child, dice: random.Random) -> str:
    """Let some clients read nothing for some seconds."""
    seconds = dice.uniform(1.0, 15.0)
    paused = swarm.ask("pause", clients=dice.randint(1, 20), seconds=seconds)["paused"]
    return f"{paused} for {seconds:.1f} s"


def flood(port: int, dice: random.Random) -> str:
    """Connect often without being a client: silence, garbage and half a handshake."""
    made = []
    for _ in range(FLOOD_CONNECTIONS):
        connection = socket.socket()
        connection.settimeout(1.0)
        try:
            connection.connect(("127.0.0.1", port))
            connection.send(dice.choice(GARBAGE))
        except OSError:
            connection.close()
            continue
        made.append(connection)
    threading.Timer(FLOOD_SECONDS, leave, (made,)).start()
    return f"{len(made)} connections"


def leave(connections: Iterable[socket.socket]) -> None:
    """Close connections."""
    for connection in connections:
        connection.close()


def calm(bench: Bench) -> None:
    """End what lasts."""
    bench.load.ask("mute", seconds=0.0)
    bench.load.ask("refuse", seconds=0.0)
