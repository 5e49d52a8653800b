"""An API server for tests: lists, watches and writes over HTTP, and trouble on order.

It serves recorded lists and events as they were, or objects that a test writes; see `FakeApi`.
"""

from tests.fake_api.server import FakeApi, Request, Trouble

__all__ = ["FakeApi", "Request", "Trouble"]
