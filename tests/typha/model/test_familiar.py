"""What is known to need no change stays known, until there is too much of it."""

import pytest

from typha.model import familiar, ports, typed
from typha.model.familiar import Familiar


def test_what_was_learnt_is_known_and_nothing_else():
    """All that is asked for has to be."""
    known = Familiar()
    known.learn(["a", "b"])
    assert known.has_all(["b", "a", "b"])
    assert not known.has_all(["a", "c"])


def test_it_never_holds_more_than_it_may():
    """Old values make room for new ones, and a list that alone is too long is not learnt."""
    known = Familiar()
    known.learn(["old"])
    known.learn([f"new-{number}" for number in range(familiar.MOST)])
    assert not known.has_all(["old"])
    assert known.has_all(["new-0", f"new-{familiar.MOST - 1}"])
    known.learn([f"other-{number}" for number in range(familiar.MOST + 1)])
    assert not known.has_all(["other-0"])


@pytest.mark.parametrize("imposter", [True, 1.0])
def test_what_only_equals_a_familiar_port_is_none(imposter):
    """To Python 1, 1.0 and true are one key."""
    assert ports.PORTS.convert([1, "http"]) == [1, "http"]
    with pytest.raises(typed.MemberError):
        ports.PORTS.convert([imposter])
