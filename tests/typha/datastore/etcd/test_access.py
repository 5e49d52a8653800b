"""What a check of etcd says of members before it reaches one; integration asks real ones."""

from typha.config.settings import EtcdSettings
from typha.datastore.etcd import access


def test_what_cannot_be_a_hosts_name_is_named() -> None:
    """Python raises UnicodeError for it, which is no internal error."""
    (found,) = access.find(EtcdSettings(endpoints=("http://a..b:2379",)))
    assert "http://a..b:2379 cannot be reached" in found.message
