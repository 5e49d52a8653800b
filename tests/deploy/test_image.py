"""The Dockerfile builds on what is there, and gives nobody more than needed.

`make image-check` does its steps for real; here is what can be seen by reading.
"""

import fnmatch
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from typha.config import loading

ROOT = Path(__file__).parents[2]
IMAGE = ROOT / "deploy" / "image"

Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    """Read the Dockerfile: each instruction with its arguments, on one line."""
    text = re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text())
    lines = text.replace("\\\n", " ").splitlines()
    split = (line.partition(" ") for line in lines if line.strip())
    return [(name, " ".join(arguments.split())) for name, _, arguments in split]


def arguments_of(name: str, given: list[Instruction] | None = None) -> list[str]:
    """Return the arguments of every instruction of a name."""
    return [text for each, text in given or instructions() if each == name]


def last_stage() -> list[Instruction]:
    """Return what makes the image itself."""
    given = instructions()
    start = max(index for index, (name, _) in enumerate(given) if name == "FROM")
    return given[start:]


def copied() -> list[str]:
    """Return what is copied from the project."""
    return [
        source
        for arguments in arguments_of("COPY")
        if not arguments.startswith("--from")
        for source in arguments.split()[:-1]
    ]


def test_all_that_is_copied_exists_and_is_not_ignored():
    """.dockerignore leaves out everything but this."""
    kept = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(source == each or source.startswith(f"{each}/") for each in kept), source
    for each in kept:
        assert any(source == each or source.startswith(f"{each}/") for source in copied()), each


def test_secrets_and_history_stay_outside():
    """Whatever lies about in a checkout."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    for private in (".git", ".venv", "certs/typha.key"):
        assert not any(fnmatch.fnmatch(private, line[1:]) for line in lines if line[0] == "!")


def test_both_stages_name_their_release():
    """No image is whatever was newest that day, and both are of one Debian."""
    bases = dict(each.split("=", 1) for each in arguments_of("ARG") if "/" in each or ":" in each)
    assert bases["BUILD"] == "python:3.13-slim-trixie"
    assert bases["RUNTIME"].endswith("/python3-debian13:nonroot")
    assert bases["PYTHON"] == "/usr/bin/python3.13"
    assert arguments_of("FROM") == ["${BUILD} AS build", "${RUNTIME}"]


def test_nobody_is_root_and_nothing_is_run_in_the_image():
    """By number, as Kubernetes cannot tell from a name."""
    (user,) = arguments_of("USER", last_stage())
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert not arguments_of("RUN", last_stage())


def test_it_is_started_as_the_original_is():
    """Without an entry point, by the name of the original's binary."""
    assert arguments_of("ENTRYPOINT", last_stage()) == ["[]"]
    assert arguments_of("CMD", last_stage()) == ['["calico-typha"]']
    assert "launcher calico-typha" in (IMAGE / "install.sh").read_text()


def test_the_shipped_file_is_read_and_switches_off_what_a_container_lacks():
    """It stands where the server looks for it."""
    targets = [each.split() for each in arguments_of("COPY", last_stage())]
    assert ["deploy/image/typha.cfg", loading.DEFAULT_FILE] in targets
    loaded, errors = loading.examine({}, str(IMAGE / "typha.cfg"))
    assert not errors
    logs = loaded.settings.logs
    assert (logs.file_path, logs.severity_file, logs.severity_sys) == ("", "", "")
    assert logs.severity_screen == "INFO"


@pytest.mark.parametrize("script", ["install.sh", "check.sh"])
def test_the_scripts_are_good_shell(script):
    """They can be run as they are, in the shell of the build stage."""
    path = IMAGE / script
    assert path.stat().st_mode & 0o111
    assert path.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", str(path)], check=True)


def test_hadolint_has_nothing_to_say():
    """Where it is installed: `make image-check` does that."""
    beside = Path(sys.executable).with_name("hadolint")
    tool = shutil.which("hadolint") or (str(beside) if beside.exists() else None)
    if tool is None:
        pytest.skip("hadolint is not installed; `make image-check` installs it")
    done = subprocess.run(
        [tool, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
