"""Selectors of policies and rules, rewritten to say what the v1 model cannot say beside them.

Namespace and service-account selectors match labels that endpoints inherit under a prefix; what
cannot be read is left out, as in the original.  The texts are put together exactly as there.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from typha.model import selectors

NAMESPACE_PREFIX: Final = "pcns."
ACCOUNT_PREFIX: Final = "pcsa."

_NAMESPACE: Final = "projectcalico.org/namespace"
_ACCOUNT: Final = "projectcalico.org/serviceaccount"
_IN_NAMESPACE: Final = f"has({_NAMESPACE})"


class Entity(NamedTuple):
    """What one side of a rule says about endpoints; empty means that it does not."""

    selector: str = ""
    not_selector: str = ""
    namespace_selector: str = ""
    account_names: Sequence[str] = ()
    account_selector: str = ""


def of_namespaced_policy(selector: str, account_selector: str, namespace: str) -> str:
    """Return the selector of a policy that applies in its own namespace only."""
    result = f"{_NAMESPACE} == '{namespace}'"
    if selector:
        result = f"({selector}) && {result}"
    return _both(result, _prefixed(account_selector, ACCOUNT_PREFIX))


def of_global_policy(selector: str, account_selector: str, namespace_selector: str) -> str:
    """Return the selector of a policy that applies wherever its selectors say.

    `all()` of a namespace selector means every endpoint in a namespace; as in the original every
    `all()` of the text is so replaced, also one from elsewhere.
    """
    result = selector
    if namespace_selector:
        result = _both(result, _prefixed(namespace_selector, NAMESPACE_PREFIX))
        result = result.replace("all()", _IN_NAMESPACE)
    if account_selector:
        result = _both(result, _prefixed(account_selector, ACCOUNT_PREFIX))
        result = result.replace("all()", f"has({_ACCOUNT})")
    return result


def of_rule(entity: Entity, namespace: str) -> str:
    """Return the one selector for all that a side of a rule says about endpoints.

    `namespace` is the policy's: in a namespaced one, a side that says anything is limited to it,
    or to the namespaces that it selects.
    """
    accounts = _accounts(entity)
    if accounts and entity.selector:
        chosen = f"({accounts}) && ({entity.selector})"
    else:
        chosen = accounts or entity.selector
    if not (chosen or entity.not_selector or entity.namespace_selector):
        return ""
    where = _where(entity.namespace_selector, namespace)
    if not where:
        return chosen
    return f"({where}) && ({chosen})" if chosen else where


def _where(namespace_selector: str, namespace: str) -> str:
    """Return the selector of the namespaces meant; empty for everywhere."""
    if not namespace_selector:
        return f"{_NAMESPACE} == '{namespace}'" if namespace else ""
    selected = _prefixed(namespace_selector, NAMESPACE_PREFIX).replace("all()", _IN_NAMESPACE)
    return selected.replace("global()", f"!{_IN_NAMESPACE}")


def _accounts(entity: Entity) -> str:
    """Return the selector of the service accounts meant; empty for all."""
    selected = _prefixed(entity.account_selector, ACCOUNT_PREFIX)
    if not entity.account_names:
        return selected
    try:
        names = "', '".join(entity.account_names)
        named = selectors.normalise(f"{_ACCOUNT} in {{ '{names}' }}")
    except selectors.SelectorError:
        return ""
    return f"({selected}) && ({named})" if selected else named


def _both(selector: str, addition: str) -> str:
    if not addition:
        return selector
    return f"({selector}) && {addition}" if selector else addition


def _prefixed(selector: str, prefix: str) -> str:
    """Return the selector with its labels prefixed; empty if it is empty or cannot be read."""
    if not selector:
        return ""
    try:
        return selectors.prefixed(selector, prefix)
    except selectors.SelectorError:
        return ""
