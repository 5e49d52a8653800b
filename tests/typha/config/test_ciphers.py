"""TLS versions and cipher suites: Calico's variables, in OpenSSL's words."""

import ssl

import pytest

from typha.config import ciphers
from typha.config.errors import ConfigError


def test_openssl_knows_every_suite_that_can_be_asked_for():
    """A name it does not know would be left out without a word."""
    names = [name for name in ciphers.SUITES if "_WITH_" in name]
    for name in names:
        policy = ciphers.policy({"TLS_CIPHER_SUITES": name})
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(policy.openssl_ciphers)
        chosen = [each["name"] for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"]
        assert chosen == [policy.openssl_ciphers]
    assert len(names) == 11


def test_nine_suites_are_offered_by_default():
    """Those with plain RSA key exchange only on request."""
    default = ciphers.policy({}).openssl_ciphers.split(":")
    assert len(default) == 9
    assert all(name.startswith("ECDHE-") for name in default)


def test_suites_are_taken_in_the_order_given():
    """Blanks and empty entries mean nothing."""
    names = " TLS_RSA_WITH_AES_128_GCM_SHA256,,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 "
    policy = ciphers.policy({"TLS_CIPHER_SUITES": names})
    assert policy.openssl_ciphers == "AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"
    assert policy.min_version == "1.2"


def test_only_suites_of_tls_1_3_leave_nothing_for_1_2():
    """So 1.2 is not spoken at all."""
    policy = ciphers.policy({"TLS_CIPHER_SUITES": "TLS_AES_256_GCM_SHA384"})
    assert policy.min_version == "1.3"


@pytest.mark.parametrize(
    ("text", "version", "unknown"),
    [("", "1.2", False), ("1.2", "1.2", False), ("1.3", "1.3", False), ("1.1", "1.2", True)],
)
def test_the_least_version(text, version, unknown):
    """Two there are; anything else means 1.2."""
    environ = {"TLS_MIN_VERSION": text}
    assert ciphers.policy(environ).min_version == version
    assert ciphers.unknown_version(environ) is unknown


def test_an_unknown_suite_is_refused_by_name():
    """OpenSSL's names are not IANA's."""
    with pytest.raises(ConfigError, match="ECDHE-RSA-AES128-GCM-SHA256"):
        ciphers.policy({"TLS_CIPHER_SUITES": "ECDHE-RSA-AES128-GCM-SHA256"})
