"""`typha version`."""

import json

import typha as package


def test_text_and_json_say_the_same(typha):
    """The text begins as the original's."""
    text, found = typha("version").stdout, json.loads(typha("version", "--format=json").stdout)
    assert text.splitlines()[0] == f"Version:            {package.__version__}"
    assert found["version"] == package.__version__
    assert set(found) == {"version", "commit", "date", "python"}


def test_the_short_option(typha):
    """For scripts."""
    assert typha("--version").stdout == f"{package.__version__}\n"
