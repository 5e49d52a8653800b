"""Contents lie in memory, each under a path that lasts as long as it is wanted."""

from pathlib import Path

from typha.datastore.k8s.held import Held


def test_a_content_has_one_path_while_it_is_wanted():
    """What is not asked for any more is given back."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    held = Held()
    one, two = held.path(b"one"), held.path(b"two")
    held.drop_others()
    assert held.path(b"one") == one
    held.drop_others()
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    assert Path(one).read_bytes() == b"one"
    assert not Path(two).exists()
