"""Errors are told apart by what the server states, never by a text."""

import pytest

from typha.datastore import answers
from typha.datastore.answers import Failure, Identity


def test_a_status_object_is_read():
    """Message, and how long to wait: the longer of header and body."""
    body = {"message": "slow down", "details": {"retryAfterSeconds": 5}}
    assert answers.failure(429, body, 2.0) == Failure(
        status=429, message="slow down", retry_after=5.0
    )
    assert answers.failure(429, body, 9.0).retry_after == 9.0


def test_nobody_who_answers_may_have_us_wait_for_ever():
    """Two minutes at most, as by the header."""
    body = {"details": {"retryAfterSeconds": 1e300}}
    assert answers.failure(429, body).retry_after == 120.0


@pytest.mark.parametrize(
    "body",
    [
        None,
        "text",
        [],
        {},
        {"message": ""},
        {"details": 5},
        {"details": {"causes": 5}},
        {"details": {"causes": [5]}},
        {"details": {"retryAfterSeconds": "soon"}},
    ],
)
def test_any_other_body_leaves_the_status(body):
    """As a proxy's page."""
    assert answers.failure(503, body) == Failure(status=503, message="HTTP 503")


def test_a_revision_is_expired_by_code_or_by_cause():
    """`Expired` and `Gone` are both 410; one too large for the server is named by its cause."""
    too_large = {"details": {"causes": [{"reason": "ResourceVersionTooLarge"}]}}
    assert answers.failure(410, {"reason": "Gone"}).is_expired
    assert answers.failure(504, too_large).is_expired
    assert not answers.failure(504, {}).is_expired
    assert not answers.failure(504, {"details": {"causes": [{"reason": "Other"}]}}).is_expired


@pytest.mark.parametrize(
    ("code", "status"), [(410, 410), (1, 1), (0, 500), (-1, 500), ("410", 500), (None, 500)]
)
def test_an_error_in_a_stream_has_its_code(code, status):
    """One without is the server's fault."""
    assert answers.failure_in_stream({"code": code}).status == status


@pytest.mark.parametrize(
    ("value", "identity"),
    [
        ({"metadata": {"name": "a"}}, Identity("", "a")),
        ({"metadata": {"name": "a", "namespace": "n"}}, Identity("n", "a")),
        ({"metadata": {"name": "a", "namespace": None}}, Identity("", "a")),
        ({"metadata": {"name": ""}}, None),
        ({"metadata": {"name": 5}}, None),
        ({"metadata": {"name": "a", "namespace": 5}}, None),
        ({"metadata": 5}, None),
        ({}, None),
        (5, None),
    ],
)
def test_objects_are_known_by_namespace_and_name(value, identity):
    """Without a name they are nothing."""
    assert answers.identity(value) == identity


@pytest.mark.parametrize(
    ("revision", "number"),
    [
        ("7", 7),
        ("0", 0),
        (str(2**64 - 1), 2**64 - 1),
        ("9" * 21, None),
        ("", None),
        ("-1", None),
        ("a7", None),
        ("7.0", None),
    ],
)
def test_revisions_are_numbers_of_64_bits(revision, number):
    """Whatever is none is not compared."""
    assert answers.order(revision) == number
