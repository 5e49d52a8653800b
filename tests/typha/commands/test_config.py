"""`typha config`: what acts and where it comes from."""

import json

import pytest
from hypothesis import assume, example, given, strategies as st

from typha.commands.config import text
from typha.config import loading, parameters
from typha.config.resolution import Surroundings


def test_settings_that_somebody_set_come_first(typha, tmp_path):
    """With where that was."""
    file = tmp_path / "typha.cfg"
    file.write_text("HealthEnabled = yes\n")
    done = typha("config", "-c", file, TYPHA_SERVERPORT="0x10", TYPHA_DEBUGPORT="none")
    assert (done.returncode, done.stderr) == (0, "")
    set_, defaults = done.stdout.split("\n\nDefaults\n")
    lines = [line.split(maxsplit=2) for line in set_.splitlines()[1:]]
    assert lines == [
        ["HealthEnabled", "true", f"({file})"],
        ["ServerPort", "16", "(environment TYPHA_SERVERPORT)"],
        ["DebugPort", "0", "(environment TYPHA_DEBUGPORT)"],
    ]
    names = [line.split()[0] for line in defaults.splitlines()]
    assert len(names) == len(parameters.PARAMETERS) - 3


def test_json_is_one_object_with_everything(typha):
    """For programs."""
    done = typha("config", "--format", "json", TYPHA_SERVERPORT="x", TYPHA_CLIENTCN="node")
    found = json.loads(done.stdout)
    assert found["settings"]["ServerPort"] == {
        "value": 5473,
        "source": "environment TYPHA_SERVERPORT",
        "written": "x",
    }
    assert [warning["setting"] for warning in found["warnings"]] == ["ServerPort"]
    assert [error["setting"] for error in found["errors"]] == ["ServerKeyFile"]
    assert done.returncode == 1


def test_what_is_wrong_is_said_on_stderr(typha):
    """All of it, and the exit code says that the server would not start."""
    done = typha("config", TYPHA_SERVERPORT="x", TYPHA_CAFILE="/gone")
    assert done.returncode == 1
    warning, error = done.stderr.splitlines()
    assert warning.startswith("warning: Replacing invalid value with default: setting=ServerPort")
    assert error == (
        "error: TYPHA_CAFILE: '/gone' cannot be used; expected the path of a file that exists"
    )


def test_secrets_are_not_shown(typha):
    """In neither format."""
    for layout in ("text", "json"):
        done = typha("config", "--format", layout, CALICO_K8SAPITOKEN="hunter2")
        assert "CALICO_K8SAPITOKEN" in done.stdout
        assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("layout", ["text", "json"])
def test_what_is_not_utf_8_is_shown_all_the_same(typha, layout):
    """Whatever the terminal's locale: someone looks for just that value."""
    strict = {"PYTHONIOENCODING": "utf-8:strict"}  # as most locales have it
    done = typha("config", "--format", layout, TYPHA_K8SNAMESPACE="kube\udcff", **strict)
    assert (done.returncode, done.stderr) == (0, "")
    if layout == "json":
        settings = json.loads(done.stdout)["settings"]
        assert settings["K8sNamespace"]["value"] == "kube\ufffd"
    else:
        assert "kube\\udcff  (environment TYPHA_K8SNAMESPACE)" in done.stdout


NAMES = st.sampled_from([parameter.name for parameter in parameters.PARAMETERS])
WRITTEN = (
    st.text(st.characters(exclude_characters="\0"), min_size=1)
    | st.floats(allow_nan=False).map(str)
    | st.integers(-1, 70_000).map(str)
    | st.sampled_from(["true", "https://a:1,http://[::1]:2379", "/etc/typha.crt", "a:1"])
)


def acting(name, written):
    """Give the value of a setting that was written so."""
    around = Surroundings(environ={f"TYPHA_{name}": written}, cpus=3, exists=lambda _path: True)
    return loading.interpret(None, "typha.cfg", around)[0].values[name]


@given(NAMES, WRITTEN)
@example("ServerPingIntervalSecs", "1234567")
@example("ServerHandshakeTimeoutSecs", "0.123456789")
def test_a_value_is_printed_as_it_can_be_written(name, written):
    """So that nothing of it is lost; an empty text is written as none."""
    assume(written.lower() != "none")  # a zero that cannot be written as a number, as it is none
    value = acting(name, written)
    assert (acting(name, text(value)) or "none") == (value or "none")
