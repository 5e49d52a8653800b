"""What the rules for whole resources are made of: names, labels, addresses, patterns.

The rules are Calico's v3 validator's, and those of Kubernetes that it calls.
"""

import base64
import re
import warnings
from functools import lru_cache
from typing import Final

from typha.model import nets

LONGEST_NAME: Final = 253  # of a resource, as of any DNS name
_LONGEST_LABEL: Final = 63  # a label's name, and its value
_KEY_BYTES: Final = 32
_LINE_BREAKS: Final = {ord("\r"): None, ord("\n"): None}  # Go's decoder passes over them
_REMEMBERED: Final = 8192  # labels; a cluster has few different ones

_DNS_LABEL: Final = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME: Final = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_PORT_NAME: Final = re.compile("(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*")
_LABEL_NAME: Final = re.compile("(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

# What Go's regular expressions have and Python's have not, as something that Python has.
_GO_ONLY: Final = (
    (re.compile(r"\\Q.*?(?:\\E|\Z)", re.DOTALL), ""),
    (re.compile(r"\[:\^?[a-z]+:\]"), "a"),
    (re.compile(r"\\[pP](?:\{\^?\w+\}|\w)"), "a"),
    (re.compile(r"\\x\{[0-9a-fA-F]+\}"), "a"),
    (re.compile(r"\\z"), r"\\Z"),
    (re.compile(r"\(\?<(?=[A-Za-z_])"), "(?P<"),
    (re.compile(r"\(\?[imsU-]+\)"), ""),
    (re.compile(r"\(\?[imsU-]+:"), "(?:"),
)
_ATOM: Final = re.compile(r"\\.|\[\^?\]?[^\]]*\]", re.DOTALL)
# What Python's have and Go's have not: look-around, conditions, comments, possessive repeats.
_PYTHON_ONLY: Final = re.compile(r"\(\?(?!:|P<\w)|[*+?}]\+|[*+?]\?[+?]")
_BACK_REFERENCE: Final = re.compile(r"(?<!\\)(?:\\\\)*\\[1-9](?![0-7])")


def is_name(text: str) -> bool:
    """Tell whether a text is fit to be a resource's name."""
    return len(text) <= LONGEST_NAME and _NAME.fullmatch(text) is not None


def is_port_name(text: str) -> bool:
    """Tell whether a text is fit to be the name of a port, as Kubernetes has it."""
    return _PORT_NAME.fullmatch(text) is not None


@lru_cache(_REMEMBERED)
def is_qualified_name(text: str) -> bool:
    """Tell whether a text is fit to be a label's key: a name, or `<domain>/<name>`."""
    domain, slash, name = text.rpartition("/")
    if slash and not is_name(domain):
        return False
    return len(name) <= _LONGEST_LABEL and _LABEL_NAME.fullmatch(name) is not None


@lru_cache(_REMEMBERED)
def is_label_value(text: str) -> bool:
    """Tell whether a text is fit to be a label's value; the empty one is."""
    return not text or (len(text) <= _LONGEST_LABEL and _LABEL_NAME.fullmatch(text) is not None)


def is_network(text: str) -> bool:
    """Tell whether a text is an address, or a network without host bits."""
    net = nets.parse(text)
    return net is not None and net.address == net.network


def is_cidr(text: str, version: int | None = None) -> bool:
    """Tell whether a text is an address or a network, of any or of one version of IP."""
    net = nets.parse(text)
    return net is not None and version in (None, net.version)


def is_ip(text: str, version: int | None = None) -> bool:
    """Tell whether a text is an address, of any or of one version of IP."""
    address = nets.parse_ip(text)
    return address is not None and version in (None, nets.version_of(address))


def is_wireguard_key(text: str) -> bool:
    """Tell whether a text is 32 bytes in base64."""
    try:
        return len(base64.b64decode(text.translate(_LINE_BREAKS), validate=True)) == _KEY_BYTES
    except ValueError:
        return False


def is_regexp(text: str) -> bool:
    """Tell whether Go can compile a regular expression, as far as Python can know."""
    if _BACK_REFERENCE.search(text):
        return False
    for pattern, replacement in _GO_ONLY:
        text = pattern.sub(replacement, text)
    if _PYTHON_ONLY.search(_ATOM.sub("a", text)):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sets within sets, which Go does not know either
            re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    return True
