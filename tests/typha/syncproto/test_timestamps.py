"""Go's marshalled times."""

import pytest
from hypothesis import given, strategies as st

from tests import recordings
from typha.syncproto import timestamps
from typha.syncproto.errors import UndecodableError
from typha.syncproto.messages import ZERO_TIME


@pytest.mark.golden
def test_times_are_read_as_go_marshals_them() -> None:
    """The instant of every vector, whatever its zone; UTC ones are written alike."""
    for vector in recordings.gob_vectors()["time"]:
        value, data = vector["value"], bytes.fromhex(vector["payload_hex"])
        instant = value["unix"] * 10**9 + value["nanos"]
        assert timestamps.decode(data) == instant
        if value["is_utc"]:
            assert timestamps.encode(instant) == data


@given(st.integers(ZERO_TIME, 253_402_300_799 * 10**9))
def test_every_instant_comes_back(instant: int) -> None:
    """From the year 1 to the year 9999."""
    assert timestamps.decode(timestamps.encode(instant)) == instant


@pytest.mark.parametrize(
    "data",
    ["", "01", "03" + "00" * 14, "01" + "00" * 15, "02" + "00" * 14, "00" * 15],
)
def test_other_versions_and_lengths_are_refused(data: str) -> None:
    """As Go's client closes the connection over them."""
    with pytest.raises(UndecodableError):
        timestamps.decode(bytes.fromhex(data))
