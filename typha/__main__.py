"""Where every command begins: `python -m typha`, and the scripts `typha` and `calico-typha`.

Imports nothing at first, so that Ctrl-C ends a command without a word while its modules load.
"""

import importlib
import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run `typha`."""
    _run("typha.commands")


def calico_typha() -> NoReturn:
    """Run `calico-typha`."""
    _run("typha.commands.calico_typha")


def _run(name: str) -> NoReturn:
    """Import the module of a command line, and run its `main`."""
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # nohup's is not
    if is_ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    module = importlib.import_module(name)
    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(module.main())


if __name__ == "__main__":
    main()
