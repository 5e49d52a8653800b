"""Hardware addresses."""

import pytest

from typha.model import macs


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("66:aa:bb:cc:dd:01", "66:aa:bb:cc:dd:01"),
        ("66-AA-BB-CC-DD-01", "66:aa:bb:cc:dd:01"),
        ("0123.4567.89ab", "01:23:45:67:89:ab"),
        ("01:23:45:67:89:ab:cd:ef", "01:23:45:67:89:ab:cd:ef"),
        ("-".join(["00"] * 20), ":".join(["00"] * 20)),
    ],
)
def test_every_form_that_go_reads_is_read(text, canonical):
    """Six, eight or twenty bytes."""
    assert macs.parse(text) == canonical


@pytest.mark.parametrize(
    "text",
    ["", "zz:zz", "66:aa-bb:cc:dd:01", "66:aa:bb:cc:dd", "66:aa:bb:cc:dd:01:02", "0123:4567:89ab"],
)
def test_anything_else_is_none(text):
    """Mixed separators, wrong lengths."""
    assert macs.parse(text) is None
