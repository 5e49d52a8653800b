"""Which catalog applies to a datastore."""

from collections.abc import Mapping
from typing import NamedTuple

from typha.model.resources import Reading, Resource
from typha.syncers import catalog, etcd_catalog
from typha.syncers.catalog import Feed


class Catalog(NamedTuple):
    """The rows, and what some resources' lists have although no datastore lists it."""

    feeds: tuple[Feed, ...]
    built_in: Mapping[str, Resource]

    @property
    def resources(self) -> set[str]:
        """Name the resources that syncers are made from."""
        return {feed.resource for feed in self.feeds}


def of(datastore: str, reading: Reading) -> Catalog:
    """Return the catalog for a type of datastore, as DatastoreType spells it."""
    if datastore == "etcdv3":
        return Catalog(etcd_catalog.feeds(reading), etcd_catalog.built_in(reading))
    return Catalog(catalog.feeds(reading), catalog.built_in(reading))
