"""A process tree with bodies of a few lines, run as a program by the tests of the supervisor.

Prints a JSON line per event; `--connections N` gives each of two workers N pretended connections
that close when asked.
"""

import argparse
import errno
import itertools
import json
import logging
import os
import signal
import sys
import time

from typha.parent import children, listening, supervise, tree
from typha.scoreboard import Phase, Scoreboard

arguments = argparse.ArgumentParser()
arguments.add_argument("--connections", type=int, default=0)
arguments.add_argument("--shutdown", type=float, default=300)
arguments.add_argument("--interval", type=float, default=0.05, help="between two that are shed")
arguments.add_argument("--closing", type=float, default=60, help="seconds")
arguments.add_argument("--hung", type=float, default=60, help="seconds without a heartbeat")
arguments.add_argument("--stubborn", action="store_true", help="connections never close")
arguments.add_argument("--unreachable", action="store_true", help="the datastore is away")
arguments.add_argument("--fails", default="", help="the process with this name fails at boot")
arguments.add_argument("--refused", type=int, default=0, help="forks, once every post is filled")
options = arguments.parse_args()

board = Scoreboard(workers=2)


def tell(**event: object) -> None:
    """Print one event, whole."""
    os.write(1, json.dumps(event).encode() + b"\n")


def beat(slot) -> None:
    """Live until the end, telling so."""
    if options.fails and options.fails == name_of(slot):
        sys.exit(os.EX_CONFIG)
    slot.heartbeat(time.monotonic())
    tell(event="up", name=name_of(slot), pid=os.getpid())
    try:
        while board.server.phase is not Phase.STOPPED:
            slot.heartbeat(time.monotonic())
            if slot is board.watcher and not options.unreachable:
                board.server.listen_allowed = 1
            if slot in board.workers:
                shed(slot)
            time.sleep(0.01)
    finally:
        tell(event="down", name=name_of(slot))


def shed(slot) -> None:
    """Close what is asked for."""
    wanted = 0 if options.stubborn else min(slot.drains_wanted(), slot.active)
    if wanted:
        slot.active -= wanted
        slot.drains_done += wanted
        tell(event="shed", name=name_of(slot), count=wanted, total=board.connections())


def serve(slot) -> None:
    """Be a worker."""
    slot.active = options.connections
    beat(slot)


def name_of(slot) -> str:
    """Return the name of the post with this slot."""
    return next(post.name for post in posts if post.slot is slot)


def grudging_forks():
    """Fork once for every post; then have none left for some time."""
    fork, numbers = os.fork, itertools.count()

    def grudging() -> int:
        if 0 <= next(numbers) - len(posts) < options.refused:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return fork()

    return grudging


posts = [
    children.Post(name="ops", slot=board.ops, body=lambda: beat(board.ops)),
    children.Post(name="watcher", slot=board.watcher, body=lambda: beat(board.watcher)),
    *(
        children.Post(
            name=f"worker-{index}",
            slot=slot,
            body=lambda slot=slot: serve(slot),
            serves_clients=True,
        )
        for index, slot in enumerate(board.workers)
    ),
]
os.fork = grudging_forks()
logging.basicConfig(stream=sys.stderr, level=logging.INFO)
listener = listening.bind("127.0.0.1", 0)
tell(event="bound", port=listener.getsockname()[1], pid=os.getpid())
code = supervise.Supervisor(
    posts,
    board,
    listener,
    hooks=children.Hooks(
        reload=lambda name: tell(event="reload", name=name),
        dump=lambda name: tell(event="dump", name=name),
    ),
    limits=supervise.Limits(
        shutdown=options.shutdown,
        shutdown_interval=options.interval,
        closing=options.closing,
        patience=tree.Patience(hung=options.hung, boot=60, asleep=2.0),
    ),
).run()
tell(
    event="ended",
    code=code,
    restarts={post.name: post.slot.restarts for post in posts},
    hung={post.name: post.slot.hung for post in posts},
)
signal.set_wakeup_fd(-1)
sys.exit(code)
