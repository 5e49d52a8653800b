"""Run targets under atheris: `python -m tests.fuzz gob -max_total_time=60`.

`all` runs every target, one after another, each for that long.  Options are libFuzzer's; folders
among them are corpora.  It starts from `tests/fuzz/corpus/<target>`, and keeps what it finds in
`.fuzz/<target>`, crashes included: a crash is to become a test before it is mended.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path(".fuzz")
NO_ATHERIS = """\
There is no atheris for this Python (pip install atheris; it has wheels for Linux on x86-64).
`make test` runs the same targets on the corpora and on what hypothesis makes of them.
"""


def fuzz(name: str, options: list[str]) -> None:
    """Fuzz one target in this process, which ends with it."""
    import atheris  # noqa: PLC0415 - an extra, and it has to come before what it instruments

    with atheris.instrument_imports(include=["typha"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - see above

    own = FOUND / name
    own.mkdir(parents=True, exist_ok=True)
    prefix = f"-artifact_prefix={own.with_name(f'crash-of-{name}-')}"
    atheris.Setup([name, prefix, *options, str(own), str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()


def names() -> list[str]:
    """List the targets: each has a corpus."""
    return sorted(folder.name for folder in CORPUS.iterdir())


def main() -> int:
    """Fuzz; the exit code is not 0 when something was found."""
    name, options = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    if name not in ("all", *names()):
        sys.exit(f"usage: python -m tests.fuzz all|{'|'.join(names())} [libFuzzer options]")
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write(NO_ATHERIS)
        return 0 if name == "all" else 1
    if name != "all":
        fuzz(name, options)
        return 0
    command = (sys.executable, "-m", "tests.fuzz")
    codes = [subprocess.run((*command, each, *options), check=False) for each in names()]
    return int(any(done.returncode for done in codes))


if __name__ == "__main__":
    sys.exit(main())
