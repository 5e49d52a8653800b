"""Selectors of policies and rules are put together exactly as the original does."""

import pytest

from tests import golden_data
from typha.processors import selectors
from typha.processors.selectors import Entity


@pytest.mark.golden
@pytest.mark.parametrize("vector", golden_data.vectors("entity-selectors"), ids=str)
def test_every_recorded_side_of_a_rule_gives_the_recorded_selector(vector):
    """In a global policy and in a namespaced one."""
    said = vector["entity"]
    accounts = said.get("serviceAccounts", {})
    entity = Entity(
        said.get("selector", ""),
        said.get("notSelector", ""),
        said.get("namespaceSelector", ""),
        accounts.get("names", ()),
        accounts.get("selector", ""),
    )
    assert selectors.of_rule(entity, vector["policyNamespace"]) == vector["selector"]


@pytest.mark.parametrize(
    ("selector", "accounts", "result"),
    [
        ("", "", "projectcalico.org/namespace == 'ns'"),
        ("a", "", "(a) && projectcalico.org/namespace == 'ns'"),
        ("", "has( b )", "(projectcalico.org/namespace == 'ns') && has(pcsa.b)"),
        ("a", "((", "(a) && projectcalico.org/namespace == 'ns'"),
    ],
)
def test_a_namespaced_policy_is_limited_to_its_namespace(selector, accounts, result):
    """Its own selector is kept as written; one of accounts that cannot be read is left out."""
    assert selectors.of_namespaced_policy(selector, accounts, "ns") == result


@pytest.mark.parametrize(
    ("selector", "accounts", "namespaces", "result"),
    [
        ("", "", "", ""),
        ("a = 'b'", "", "", "a = 'b'"),
        ("", "", "all()", "has(projectcalico.org/namespace)"),
        (
            "app == 'web'",
            "all()",
            "all()",
            (
                "((app == 'web') && has(projectcalico.org/namespace))"
                " && has(projectcalico.org/serviceaccount)"
            ),
        ),
        (
            "all()",
            "",
            "a=='b'||!has(c)",
            '(has(projectcalico.org/namespace)) && (pcns.a == "b" || !has(pcns.c))',
        ),
        ("all()", "", "=", "has(projectcalico.org/namespace)"),
        (
            "x == 'all()'",
            "b == 'c'",
            "",
            "(x == 'has(projectcalico.org/serviceaccount)') && pcsa.b == \"c\"",
        ),
    ],
)
def test_a_global_policy_says_where_in_its_selector(selector, accounts, namespaces, result):
    """Every `all()` is replaced once a namespace or account selector is there, as recorded."""
    assert selectors.of_global_policy(selector, accounts, namespaces) == result


def test_account_names_that_cannot_be_read_select_nothing():
    """And take the selector beside them along, as in the original."""
    entity = Entity(account_names=["it's"], account_selector="has(a)")
    assert selectors.of_rule(entity, "") == ""
