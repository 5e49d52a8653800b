"""Connections whose other end is as a test says, for what happens by the clock."""

from types import SimpleNamespace

from typha.syncproto.frames import Topic
from typha.syncproto.messages import Codec, Dialect, SyncerType
from workers.connection import Connection, Stage
from workers.peer import Peer
from workers.replica import Replica

ROOMY = Peer(acknowledged=1000, window=60_000, unanswered=0)


class Client(Connection):
    """A connection that streams, to a peer that has read everything."""

    def __init__(self, number=1, codec=Codec.SNAPPY, state=Stage.STREAMING):
        silent = SimpleNamespace(send=len, fileno=lambda: number)
        session = SimpleNamespace(ping_sent=lambda: None)
        super().__init__(number, silent, "192.0.2.1", session)
        self.state = state
        self.hello = SimpleNamespace(codec=codec)
        self.replica = Replica(Topic(SyncerType.FELIX, Dialect.MODERN, codec), 1 << 20)
        self.position = 0
        self.shown = ROOMY
        self.sent = []

    def add(self, message):
        """Note what is to be sent."""
        self.sent.append(message)

    def hand_over(self, payload):
        """Note what is sent; it is taken at once."""
        self.sent.append(payload)
        return True

    def look(self):
        """See what the test shows."""
        return self.shown

    def shows(self, **changes):
        """Let the peer look different from now on."""
        self.shown = self.shown._replace(**changes)
