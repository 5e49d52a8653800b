"""What can go wrong with the protocol, by who is at fault.

SyncError
├── PeerError                close the connection, for `reason`
│   ├── HelloError           the hello is missing or asks for what is not served
│   ├── UnexpectedMessageError   a message that has no place here
│   ├── UndecodableError     bytes that are no message
│   └── MessageTooLargeError     more than one message may hold
├── UsageError               our bug: let it propagate
└── CorruptElementsError     elements kept by ourselves have been damaged
"""

from typha.telemetry.closing import CloseReason


class SyncError(Exception):
    """Base of everything raised here."""


class PeerError(SyncError):
    """The other side broke the protocol; the connection cannot go on."""

    def __init__(self, reason: CloseReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class HelloError(PeerError):
    """The hello is missing, or asks for what is not served (NO_HELLO, UNKNOWN_SYNCER, …)."""


class UnexpectedMessageError(PeerError):
    """A message that the state of the session does not allow."""

    def __init__(self, text: str) -> None:
        super().__init__(CloseReason.UNEXPECTED_MESSAGE, text)


class UndecodableError(PeerError):
    """Bytes that are no message."""

    def __init__(self, text: str) -> None:
        super().__init__(CloseReason.UNDECODABLE, text)


class MessageTooLargeError(PeerError):
    """A message larger, deeper or richer than the limits."""

    def __init__(self, text: str) -> None:
        super().__init__(CloseReason.MESSAGE_TOO_LARGE, text)


class UsageError(SyncError):
    """A call that the state of the session does not allow: a bug of the caller."""


class CorruptElementsError(SyncError):
    """Bytes that should be elements made by ourselves are not; the text says where."""
