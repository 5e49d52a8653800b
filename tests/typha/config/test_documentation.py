"""The page about the settings."""

from pathlib import Path

from typha.config import documentation, parameters, variables

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_committed_page_is_the_one_the_tables_make():
    """`python -m typha.config.documentation > docs/configuration.md` brings it up to date."""
    assert PAGE.read_text(encoding="utf-8") == documentation.page()


def test_every_setting_and_variable_has_its_row():
    """With a meaning that says something."""
    page = documentation.page()
    for parameter in parameters.PARAMETERS:
        assert f"| `{parameter.name}` |" in page
    for name in (*variables.VARIABLES, *variables.EXACT_VARIABLES):
        assert f"| `{name}` |" in page


def test_every_row_has_the_columns_of_its_table():
    """A bar in a text would break it."""
    rows = [line for line in documentation.page().splitlines() if line.startswith("| `")]
    assert {row.count("|") for row in rows} == {3, 7}
