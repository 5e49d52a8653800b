"""What can go wrong with gob, by who is at fault.

GobError
├── DecodeError          the bytes are nothing that Go's decoder would take
│   ├── TruncatedError   they stop too early
│   └── LimitError       they ask for more than the decoder may spend
└── EncodeError          the value does not fit its type: the caller's bug
"""


class GobError(Exception):
    """Base of everything raised here."""


class DecodeError(GobError):
    """The sender's bytes are wrong; the text says where."""


class TruncatedError(DecodeError):
    """A message ends inside a value."""


class LimitError(DecodeError):
    """A message is longer, deeper or richer than allowed."""


class EncodeError(GobError):
    """A value does not have the shape of the type it is to be sent as."""
