"""Processes of the benchmarks that obey JSON objects on standard input, a line each.

One order is answered by one line.  Whoever starts them sees an error when they die.
"""

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

REPOSITORY: Final = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS: Final = 300.0  # 100,000 objects to 5,000 clients have to fit


class ChildError(Exception):
    """A process of the benchmark ended, or did not answer in time."""


class Child:
    """One process of the benchmark, from the outside.  Use it as a context manager."""

    def __init__(self, module: str, *arguments: str, **environment: str) -> None:
        self.name: Final = module
        self.process: Final = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
        )

    def __enter__(self) -> Self:
        """Return the process, started."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.close()

    def order(self, do: str, **given: Any) -> None:
        """Ask for something; the answer is fetched with `answer`."""
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps({"do": do, **given}).encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise ChildError(f"{self.name} is gone: cannot ask it to {do}") from error

    def answer(self, patience: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait for the next line.  Raises ChildError if it does not come."""
        assert self.process.stdout
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.process.stdout, selectors.EVENT_READ)
            if not waiting.select(patience):
                raise ChildError(f"{self.name} has not answered for {patience:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise ChildError(f"{self.name} ended with exit code {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, do: str, **given: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer."""
        self.order(do, **given)
        return self.answer()

    def close(self) -> None:
        """End the process by ending its input; after 5 s by force."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def orders() -> Iterator[dict[str, Any]]:
    """Yield what this process is asked to do, until its input ends."""
    for line in sys.stdin:
        yield json.loads(line)


def tell(answer: dict[str, Any]) -> None:
    """Answer whoever started this process."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
