"""What can go wrong with etcd, by what to do about it.

EtcdError
├── UnreachableError   this member does not answer: try the next one
│   └── ExhaustedError it has no room left: what it holds may be readable all the same
├── DeniedError        it answers, but does not let us: say so, keep trying
└── CompactedError     what was asked for is no longer kept: list again
"""


class EtcdError(Exception):
    """A request has failed; the text names the member and what it said."""


class UnreachableError(EtcdError):
    """The member is away, or cannot reach the others."""


class ExhaustedError(UnreachableError):
    """The member has no room for what was asked: its database is full, or it is too busy."""


class DeniedError(EtcdError):
    """User, password, certificate or role do not suffice."""


class CompactedError(EtcdError):
    """The revision that was asked for has been compacted."""
