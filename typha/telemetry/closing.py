"""Every way a client's connection can end, by name.

The same word is the log field, the metric label and what tests expect.
"""

from enum import StrEnum


class CloseReason(StrEnum):
    """Why a connection ended."""

    CLIENT_LEFT = "client-left"
    CONNECTION_LOST = "connection-lost"
    HANDSHAKE_TIMEOUT = "handshake-timeout"
    TLS_FAILED = "tls-failed"
    CERTIFICATE_REFUSED = "certificate-refused"
    NO_HELLO = "no-hello"
    UNKNOWN_SYNCER = "unknown-syncer"
    LEGACY_CLIENT_REFUSED = "legacy-client-refused"
    UNEXPECTED_MESSAGE = "unexpected-message"
    UNDECODABLE = "undecodable"
    MESSAGE_TOO_LARGE = "message-too-large"
    NO_SNAPSHOT = "no-snapshot"
    ACK_TIMEOUT = "ack-timeout"
    PONG_TIMEOUT = "pong-timeout"
    WRITE_TIMEOUT = "write-timeout"
    FELL_BEHIND = "fell-behind"
    HISTORY_LOST = "history-lost"
    REBALANCED = "rebalanced"
    TOO_MANY_CONNECTIONS = "too-many-connections"
    SHUTDOWN = "shutdown"
    SERVER_ERROR = "server-error"
    WORKER_LOST = "worker-lost"  # its process ended, and could not say so itself
