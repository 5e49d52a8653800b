"""Measurements: the real server under simulated load, and its parts alone."""
