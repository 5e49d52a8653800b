"""The original's command line: its options, its outputs, its exit codes."""

import pytest

import typha as package
from typha.commands import calico_typha
from typha.commands.calico_typha import Call, UsageError

DEFAULT = "/etc/calico/typha.cfg"


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        ([], DEFAULT),
        (["-c", "x"], "x"),
        (["-cx"], "x"),
        (["-c", "-x"], "-x"),
        (["--config-file", "x"], "x"),
        (["--config-file=x"], "x"),
        (["--config-file="], ""),
        (["--conf=x"], "x"),
        (["--c", "x"], "x"),
    ],
)
def test_a_file_is_named_as_docopt_allows(arguments, file):
    """Long options may be abbreviated."""
    assert calico_typha.parse(arguments) == Call(config_file=file)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-v"],
        ["--foo"],
        ["--foo=1"],
        ["extra"],
        ["--"],
        ["-"],
        ["-c"],
        ["--config-file"],
        ["-c", "x", "-c", "y"],
        ["--version=1"],
        ["--version", "-c"],
        ["--", "--version"],
        ["--help=1"],
        ["-hc"],
        ["-vc", "x"],
        ["serve"],
    ],
)
def test_anything_else_is_wrong_usage(arguments):
    """There are no other options, and no arguments."""
    with pytest.raises(UsageError):
        calico_typha.parse(arguments)


@pytest.mark.parametrize(
    "arguments", [["-h"], ["--help"], ["extra", "-h"], ["-vh"], ["--x", "-h"]]
)
def test_help_comes_before_what_is_wrong(arguments):
    """As docopt has it."""
    assert calico_typha.parse(arguments).shows == "help"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--vers"],
        ["-c", "x", "--version"],
        ["--version", "--version"],
        ["extra", "--version"],
        ["--version", "--foo=1"],
        ["--version", "--"],
    ],
)
def test_the_version_is_asked_for(arguments):
    """It may be abbreviated too, and comes before what is wrong, as in the original."""
    assert calico_typha.parse(arguments).shows == "version"


def test_the_versions_three_lines(typha):
    """And an empty one, on stdout."""
    done = typha("--version", program="calico-typha")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.split("\n")
    assert lines[0] == f"Version:            {package.__version__}"
    assert lines[1].startswith("Full git commit ID: ")
    assert lines[2].startswith("Build date:         ")
    assert lines[3:] == ["", ""]


def test_help_is_on_stdout(typha):
    """With the usage the original has."""
    done = typha("--help", program="calico-typha")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage:\n  calico-typha [options]\n" in done.stdout
    assert "-c --config-file=<filename>" in done.stdout


def test_wrong_usage_is_the_short_usage_and_exit_1(typha):
    """On stderr."""
    done = typha("-v", program="calico-typha")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Usage:\n  calico-typha [options]\n"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["-c"], "-c requires argument"),
        (["--conf"], "--config-file requires argument"),
        (["--vers=1"], "--version must not have an argument"),
    ],
)
def test_an_option_at_fault_is_named_before_the_usage(typha, arguments, fault):
    """In docopt's words."""
    done = typha(*arguments, program="calico-typha")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{fault}\nUsage:\n  calico-typha [options]\n"


def test_a_wrong_setting_ends_it_with_1(typha, tmp_path):
    """Where the original would try for ever."""
    file = tmp_path / "typha.cfg"
    file.write_text("DatastoreType = none\nLogFilePath = none\n")
    done = typha("--conf", file, program="calico-typha")
    assert done.returncode == 1
    assert done.stderr == (
        "typha: DatastoreType: 'none' cannot be used; expected one of kubernetes, etcdv3, file\n"
    )
