"""Which settings are secrets: their values are never logged or printed."""

from typing import Final

REDACTED: Final = "<redacted>"

_TELLING: Final = (
    *("password", "passwd", "passphrase", "token", "bearer", "secret", "credential"),
    *("authorization", "cookie", "apikey", "privatekey"),
)
_ENDINGS: Final = ("key", "cert", "kubeconfig", "kubeconfiginline")


def is_secret(name: str) -> bool:
    """Say whether a name looks like that of a secret; a path to one is none itself."""
    folded = name.lower()
    if folded.endswith(("file", "path")):
        return False
    return folded.endswith(_ENDINGS) or any(word in folded for word in _TELLING)


def shown(name: str, value: str) -> str:
    """Return the value, or what stands for it where the name looks like that of a secret."""
    return REDACTED if value and is_secret(name) else value
