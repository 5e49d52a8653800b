"""What the hello of each generation of clients says."""

from typing import Final

from typha.syncproto.dialects import release
from typha.syncproto.messages import ClientHello, Codec, SyncerType

NEWEST: Final = "v3.32.1"
_SYNCER_TYPE_SINCE: Final = (3, 3)
_DECODER_RESTART_SINCE: Final = (3, 25)
_MODERN_KEYS_SINCE: Final = (3, 32)


def hello(
    syncer: SyncerType = SyncerType.FELIX,
    *,
    version: str = NEWEST,
    hostname: str = "",
    info: str = "",
    connection_id: int = 0,
) -> ClientHello:
    """Return what a client of a release (`v3.28.5`) says; raise ValueError for other texts."""
    known = release(version)
    if known is None:
        raise ValueError(f"{version!r} is no release like v3.28.5")
    restarts = known >= _DECODER_RESTART_SINCE
    return ClientHello(
        hostname=hostname,
        info=info,
        version=version,
        syncer_type=syncer.value if known >= _SYNCER_TYPE_SINCE else "",
        supports_decoder_restart=restarts,
        compression_algorithms=(Codec.SNAPPY.value,) if restarts else (),
        supports_modern_policy_keys=known >= _MODERN_KEYS_SINCE,
        connection_id=connection_id if restarts else 0,
    )
