"""What etcd answers, as the client's codec has it."""

from typing import Any

from typha.datastore.etcd import codec


def watch(header: codec.Header, **said: Any) -> codec.WatchResponse:
    """Return a message of a watch's stream that says no more than these members."""
    usual = codec.WatchResponse(
        header=header,
        watch_id=0,
        created=False,
        canceled=False,
        compact_revision=0,
        cancel_reason="",
        fragment=False,
        changes=[],
    )
    return usual._replace(**said)
