"""Per syncer: which resources it is made from, and how each becomes keys.  One table.

A feed is read once per object whatever the number of syncers it serves; a resource with several
feeds is still listed and watched once.
"""

from dataclasses import dataclass

from typha.model.resources import Processor, Reader
from typha.syncproto.messages import SyncerType


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One row: the objects of a resource, turned into keys, for some syncers."""

    resource: str
    read: Reader
    process: Processor
    syncers: frozenset[SyncerType]
    contested: bool = False  # several objects may claim one key; the first by name has it
