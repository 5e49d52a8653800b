"""The siege in small: strangers of all kinds, and clients that notice nothing."""

import pytest

from benchmarks import hostile
from benchmarks.bench import Options

pytestmark = pytest.mark.e2e


def test_no_client_is_lost_to_strangers_and_a_newcomer_gets_in():
    """Each kind comes ten times; what is measured is not judged here."""
    options = Options(
        clients=10,
        kvs=100,
        rate=20.0,
        seconds=1.0,
        samplers=1,
        settings={"TYPHA_MAXUNAUTHENTICATED": "20"},
    )
    figures = hostile.run(options, strangers=80, rounds=1)
    assert set(figures["came"].values()) == {10}
    assert figures["clients_lost"] == figures["wrong"] == figures["missing"] == 0
    assert figures["newcomer_s_worst"] < hostile.FOREVER
