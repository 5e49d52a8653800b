"""Figures kept in the run directory, so that nothing goes backwards when ops itself dies.

One file for each process's newest figures, one for the sums of those that are gone.  That one
names whom it holds: a file that a crash left beside it is not counted twice.

Where nothing can be written, as the folder is full, that is said once: probes and metrics go on.
"""

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import orjson

from typha.ops.ledger import Ledger, Sender
from typha.telemetry.figures import Figures

FOLDER: Final = "counted"
RETIRED: Final = "retired"
SETTLED_KEPT: Final = 1000  # how many to name; none of them reports again after a second

log = logging.getLogger(__name__)


class Archive:
    """The folder of a ledger."""

    def __init__(self, rundir: Path) -> None:
        """Make the folder if there is none."""
        self._folder = rundir / FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._is_failing = False

    def recall(self) -> Ledger:
        """Return the ledger as it was last kept; what cannot be read counts as nothing."""
        ledger = Ledger()
        for file in sorted(self._folder.iterdir()):
            try:
                self._read(file, ledger)
            except (OSError, ValueError) as error:
                log.warning("figures lost", extra={"file": file.name, "error": error})
        for sender in ledger.settled & ledger.newest.keys():
            del ledger.newest[sender]
        return ledger

    def keep(self, sender: Sender, figures: bytes) -> None:
        """Keep a process's newest figures."""
        self._write(sender.spell().replace("/", "@"), figures)

    def keep_retired(self, ledger: Ledger, gone: Iterable[Sender]) -> None:
        """Keep the sums, which hold those that are gone from now on."""
        settled = [sender.spell() for sender in sorted(ledger.settled)][-SETTLED_KEPT:]
        sums = {name: figures.to_bytes() for name, figures in ledger.retired.items()}
        plain = {
            "settled": settled,
            "sums": {n: orjson.Fragment(data) for n, data in sums.items()},
        }
        if not self._write(RETIRED, orjson.dumps(plain)):
            return  # the files of those that are gone still hold what they had counted
        for sender in gone:
            (self._folder / sender.spell().replace("/", "@")).unlink(missing_ok=True)

    def _read(self, file: Path, ledger: Ledger) -> None:
        if file.name == RETIRED:
            plain = orjson.loads(file.read_bytes())
            ledger.settled = {Sender.parse(text) for text in plain["settled"]}
            for name, sums in plain["sums"].items():
                ledger.retired[name] = Figures.from_bytes(orjson.dumps(sums))
        elif "@" in file.name and not file.name.startswith("."):
            sender = Sender.parse(file.name.replace("@", "/"))
            ledger.newest[sender] = Figures.from_bytes(file.read_bytes())

    def _write(self, name: str, data: bytes) -> bool:
        """Replace a file in one step; tell whether that went well."""
        part = self._folder / f".{name}"
        try:
            part.write_bytes(data)
            part.replace(self._folder / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            if not self._is_failing:
                log.warning("figures cannot be kept", extra={"error": str(error)})
            self._is_failing = True
            return False
        self._is_failing = False
        return True
