"""A borrower without a client, for tests of the pool."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

from proxy.pool.borrower import PoolKey
from proxy.session.state import State

KEY = PoolKey("app", 0)
OTHER = PoolKey("other", 0)
BARE = State()


class Waiting:
    """A borrower who notes what it gets; `on_lent` is what it does then."""

    def __init__(self, on_lent=lambda lease: None):
        self.leases, self.replies, self.on_lent = [], [], on_lent
        self.calls, self.on_called = 0, lambda: None

    def lent(self, lease):
        self.leases.append(lease)
        lease.holder = self
        self.on_lent(lease)

    def refused(self, reply):
        self.replies.append(reply)

    def called_back(self):
        self.calls += 1
        self.on_called()

    def lease_lost(self, why):
        self.replies.append(why)

    @property
    def lease(self):
        return self.leases[-1]


def borrow(stage, key=KEY, state=BARE, **more):
    """Ask for a lease."""
    borrower = Waiting(**more)
    borrower.waiter = stage.pool.wait(key, state, borrower)
    stage.run()
    return borrower


def fill(stage):
    """Lend both connections of a stage; `stage.holders` have them."""
    stage.holders = [borrow(stage), borrow(stage)]
    assert [len(holder.leases) for holder in stage.holders] == [1, 1]
    return stage
