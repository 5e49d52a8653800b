"""Run one target under atheris until it is interrupted: `python -m tests.fuzz gob [options]`.

Options are libFuzzer's; a folder name among them is the corpus.
"""

import sys

import atheris

from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz {'|'.join(TARGETS)} [libFuzzer options]")
    target = TARGETS[sys.argv.pop(1)]
    atheris.instrument_all()
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
