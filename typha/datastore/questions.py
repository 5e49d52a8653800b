"""What a list+watch machine asks its shell to do, and the queries of the API that go with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PAGE_LIMIT: Final = 500  # objects in a page; the original's
WATCH_SECONDS: Final = (300, 600)  # how long the server is asked to keep a watch
FROM_CACHE: Final = "0"  # the revision that any state the server has is new enough for
NEWEST: Final = ""  # the revision that only the datastore's own newest state satisfies


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until this moment."""

    until: float


@dataclass(frozen=True, slots=True)
class FetchPage:
    """Ask for a page of the list."""

    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OpenWatch:
    """Watch until the server ends it, or it is silent for too long."""

    query: Mapping[str, str]


Action = Wait | FetchPage | OpenWatch


@dataclass(slots=True)
class Listing:
    """A list under way; `revision` is what is asked for."""

    revision: str
    paged: bool
    token: str = ""
    begun: bool = False  # something of it was delivered


def list_page(listing: Listing) -> dict[str, str]:
    """Give the query of a list's next page."""
    query = {"limit": str(PAGE_LIMIT)} if listing.paged else {}
    if listing.token:
        return {**query, "continue": listing.token}
    if listing.revision != NEWEST:
        query["resourceVersion"] = listing.revision
        query["resourceVersionMatch"] = "NotOlderThan"
    return query


def watch(revision: str, chance: float) -> dict[str, str]:
    """Give the query of a watch; `chance`, from 0 to 1, spreads the ends of many."""
    shortest, longest = WATCH_SECONDS
    return {
        "allowWatchBookmarks": "true",
        "resourceVersion": revision,
        "timeoutSeconds": str(shortest + int((longest - shortest) * chance)),
        "watch": "true",
    }
