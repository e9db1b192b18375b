"""What the tests of the pool share."""

import pytest

from tests.support.borrow import fill
from tests.support.memory import Stage


@pytest.fixture
def stage():
    """A pool of two connections at most, the target's limits not yet known."""
    return Stage()


@pytest.fixture
def full(stage):
    """The same with both connections lent."""
    return fill(stage)
