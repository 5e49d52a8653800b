"""The PEM files of a TLS context, and errors that name them as the operator does."""

import ssl
from typing import NamedTuple


class UnusableError(OSError):
    """A file, or two that belong together, of which no context can be made; the text says all."""


class File(NamedTuple):
    """A file, and what names it: a setting, mostly."""

    setting: str
    path: str

    @property
    def text(self) -> str:
        """As it is mentioned in errors."""
        return f"{self.setting} {self.path!r}"


def show(context: ssl.SSLContext, certificate: File, key: File) -> None:
    """Have a context show a certificate to its peers; raises UnusableError."""
    for file in (certificate, key):
        _open(file)
    try:
        # The password keeps OpenSSL from asking the terminal for one.
        context.load_cert_chain(certificate.path, key.path, password="")
    except (OSError, ValueError) as error:
        wanted = "a certificate and its own key are expected, as PEM without a password"
        text = f"{certificate.text} and {key.text} cannot be used: {reason(error)}; {wanted}"
        raise UnusableError(text) from error


def trust(context: ssl.SSLContext, authorities: File) -> None:
    """Have a context trust the certificates in a file; raises UnusableError.

    As in Go each of them suffices: the one of an intermediate authority ends a chain, whether or
    not the authorities above it are in the file.
    """
    _open(authorities)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(authorities.path)
    except OSError as error:
        text = f"{authorities.text} cannot be used: {reason(error)}; PEM certificates are expected"
        raise UnusableError(text) from error


def reason(error: OSError | ValueError) -> str:
    """Return why, without numbers and source lines of OpenSSL; empty for a mere end."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    if isinstance(error, ssl.SSLEOFError):
        return ""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _open(file: File) -> None:
    """Make sure that a file can be read: OpenSSL would not say which of two cannot."""
    try:
        with open(file.path, "rb"):  # noqa: PTH123 nothing is read
            pass
    except OSError as error:
        raise UnusableError(f"{file.text} cannot be read: {error.strerror}") from error
