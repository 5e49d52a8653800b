"""A client that remembers what it was told."""

from collections.abc import Callable

from typha.dialing import Connection
from typha.syncproto.messages import KVs, SerializedUpdate, SyncStatus, SyncStatusMessage


class Follower:
    """Reads a connection on request, a message at a time; pings are answered on the way."""

    def __init__(self, connection: Connection) -> None:
        """Begin with nothing."""
        self.connection = connection
        self.state: dict[str, bytes] = {}
        self.updates: list[SerializedUpdate] = []
        self.status: int | None = None

    def read(self) -> None:
        """Take one message; raises DialError when the connection has ended."""
        message = self.connection.receive()
        if isinstance(message, SyncStatusMessage):
            self.status = message.status
        elif isinstance(message, KVs):
            for update in message.updates:
                self.updates.append(update)
                if update.value is None:
                    self.state.pop(update.key, None)
                else:
                    self.state[update.key] = update.value

    def read_until(self, condition: Callable[["Follower"], bool]) -> None:
        """Read until the condition holds of this follower."""
        while not condition(self):
            self.read()

    def read_until_in_sync(self) -> None:
        """Read the snapshot."""
        self.read_until(lambda follower: follower.status == SyncStatus.IN_SYNC)
