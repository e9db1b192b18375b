"""Tests of `proxy.pool.borrower`."""

from types import SimpleNamespace

from twisted.internet.defer import CancelledError

from proxy.errors import StatementRefusedError, borrow_timeout
from proxy.policy.lease import Lease, Waiter
from proxy.pool.borrower import PoolKey, Promise
from proxy.session.state import State


def test_keys_are_alike_when_user_and_shape_are():
    """Equal keys find the same backends."""
    assert PoolKey("app", 1) == PoolKey("app", 1)
    assert len({PoolKey("app", 1), PoolKey("app", 1), PoolKey("app", 2), PoolKey("b", 1)}) == 3


def test_a_promise_is_kept_with_a_lease():
    """The Deferred fires with what was lent."""
    promise, lease = Promise(SimpleNamespace(pool=None)), Lease(PoolKey("app", 0), 0.0)
    promise.lent(lease)
    assert promise.lease.result is lease


def test_a_promise_is_broken_with_a_reason():
    """The Deferred fails with the error that the client shall hear."""
    promise, failures = Promise(SimpleNamespace(pool=None)), []
    promise.lease.addErrback(failures.append)
    promise.refused(borrow_timeout())
    (failure,) = failures
    assert failure.type is StatementRefusedError
    assert failure.value.reply.code == 9501


def test_who_cancels_a_promise_leaves_the_queue():
    """The waiter is withdrawn, once it has a place in the queue."""
    withdrawn, failures = [], []
    for waiter in (Waiter(PoolKey("app", 0), State(), 0.0), None):
        promise = Promise(SimpleNamespace(pool=SimpleNamespace(withdraw=withdrawn.append)))
        promise.waiter = waiter
        promise.lease.addErrback(lambda failure: failures.append(failure.type))
        promise.lease.cancel()
    assert [waiter.since for waiter in withdrawn] == [0.0]
    assert failures == [CancelledError, CancelledError]
