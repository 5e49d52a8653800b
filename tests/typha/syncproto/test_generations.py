"""Our hellos of each generation against those of the real clients."""

import pytest

from tests import recordings
from typha.syncproto import generations
from typha.syncproto.messages import ClientHello, SyncerType


@pytest.mark.golden
@pytest.mark.parametrize(
    "version",
    ["v3.8.9", "v3.9.0", "v3.21.6", "v3.24.6", "v3.25.0", "v3.28.5", "v3.31.3", "v3.32.1"],
)
@pytest.mark.parametrize("syncer", [SyncerType.FELIX, SyncerType.BGP])
def test_a_hello_is_that_of_the_real_client(version: str, syncer: SyncerType) -> None:
    """Field by field, with the names that the recorded client gave itself."""
    recording = recordings.named(f"{version}/type-{syncer.value}")
    (real, *_) = recording.messages_of_client()
    assert isinstance(real, ClientHello)
    ours = generations.hello(
        syncer,
        version=real.version,
        hostname=real.hostname,
        info=real.info,
        connection_id=real.connection_id,
    )
    assert ours == real


def test_the_first_clients_named_no_syncer() -> None:
    """They came before there was a choice."""
    assert generations.hello(version="v3.2.0").syncer_type == ""


def test_what_is_no_release_has_no_hello() -> None:
    """A generation cannot be guessed."""
    with pytest.raises(ValueError, match="no release"):
        generations.hello(version="latest")
