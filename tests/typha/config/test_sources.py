"""Environment variables, and INI files against what go-ini 1.67 was seen to read."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from typha.config import sources
from typha.config.errors import ConfigError

CASES = json.loads(
    (Path(__file__).parents[2] / "data" / "config" / "ini.json").read_text(encoding="utf-8")
)


@pytest.mark.golden
@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["text"])[:60])
def test_a_file_means_what_it_means_to_the_original(case):
    """Comments, quotes, continued lines, sections: the last section wins."""
    if "error" in case:
        with pytest.raises(ConfigError):
            sources.file(case["text"], "typha.cfg")
    else:
        assert sources.file(case["text"], "typha.cfg")[0] == case["values"]


def test_a_name_in_two_sections_is_reported():
    """Its last value acts, which a user may not have meant."""
    pairs, repeated = sources.file("[a]\nX = 1\nY = 1\n[b]\nX = 2\n", "typha.cfg")
    assert pairs == {"X": "2", "Y": "1"}
    assert repeated == ("X",)


def test_an_error_names_file_and_line():
    """So that it can be found."""
    with pytest.raises(ConfigError, match=r"^typha\.cfg, line 3: 'what is this'.*Name = value"):
        sources.file("[global]\nA = 1\nwhat is this\n", "typha.cfg")


def test_an_unclosed_quote_is_reported_where_it_opens():
    """A value in quotes may take several lines, but has to end."""
    with pytest.raises(ConfigError, match=r"line 2: '`one' cannot be used.*not closed"):
        sources.file("A = 1\nB = `one\ntwo\n", "typha.cfg")


def test_variables_are_found_whatever_their_case():
    """And by their prefix alone."""
    environ = {"Typha_HealthPort": "1", "TYPHA_CACHE_X": "2", "TYPHACAFILE": "3", "HOME": "/"}
    assert sources.environment(environ) == {"healthport": "1", "cache_x": "2"}


PIECES = [*"AB=:#;[]\\\n\té ", '"', "'", "`", '"""', "A=", "\\\n", "[s]\n"]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_is_read_or_refused_with_a_config_error(text):
    """Nothing else ever escapes."""
    with contextlib.suppress(ConfigError):
        pairs, _ = sources.file(text, "typha.cfg")
        assert all(pairs)
