"""Typha: Calico's fan-out server between the datastore and Felix."""

__version__ = "0.1.0"
