"""Tests of `proxy.failover.distant`: what is told to workers, and seen of them."""

from __future__ import annotations

import json

import pytest

from proxy.config.model import Target
from proxy.failover.distant import (
    DistantPools,
    DistantRoute,
    DistantWrites,
    decode_target,
    encode_target,
)
from proxy.failover.reports import PoolReport
from proxy.policy.gtids import parse
from proxy.vocabulary import Role
from tests.support.host import GTIDS

A, B = Target(address="a:3306"), Target(address="b:3306", role=Role.READ_ONLY)


class Voice:
    """Notes what is told.

    Attributes:
        told: Orders: what, of which target, and what else.
        known: Reports of workers, by address.
        is_done: Whether all have done what they were told.
    """

    def __init__(self):
        self.told, self.known, self.is_done = [], {}, True

    def order(self, do, **more):
        """See `Voice`."""
        self.told.append((do, *json.loads(json.dumps([*more.values()]))))

    def reports(self, address):
        """See `Voice`."""
        return iter(self.known.get(address, ()))

    def attend(self):
        """See `Voice`."""
        return self.is_done

    def take(self):
        """What was told since."""
        told, self.told = self.told, []
        return told


@pytest.fixture
def voice():
    """Who notes what is told."""
    return Voice()


@pytest.fixture
def pools(voice):
    """The pools of two targets."""
    pools = DistantPools(voice)
    pools.get(A)
    pools.get(B)
    voice.take()
    return pools


def test_a_target_goes_through_json():
    """And is the same after it."""
    target = Target(
        address="a:1", role=Role.READ_ONLY, tls_server_name="db", proxy_protocol=True
    )
    assert decode_target(json.loads(json.dumps(encode_target(target)))) == target


def test_what_is_done_to_a_pool_is_told(voice, pools):
    """With the address of its target."""
    pool = pools.get(A)
    pool.hold()
    assert pool.ledger.held
    pool.release()
    assert not pool.ledger.held
    pool.retire_all()
    pool.cut_off("why")
    assert voice.take() == [
        ("hold", "a:3306"),
        ("release", "a:3306"),
        ("retire", "a:3306"),
        ("cut_off", "a:3306", "why"),
    ]


def test_what_was_cut_off_is_cut_off_once(voice, pools):
    """Unless clients have something of it, or there is another generation."""
    pool = pools.get(A)
    pool.cut_off("why")
    pool.cut_off("why")
    assert len(voice.take()) == 1
    voice.known["a:3306"] = [PoolReport(borrowed=1)]
    pool.cut_off("why")
    assert len(voice.take()) == 1
    voice.known.clear()
    pool.retire_all()
    pool.cut_off("why")
    assert len(voice.take()) == 2


def test_a_pool_is_the_sum_of_what_workers_have(voice, pools):
    """Of those that have it."""
    pool = pools.get(A)
    assert (pool.ledger.total, len(pool.ledger.waiting), pool.facts) == (0, 0, None)
    voice.known["a:3306"] = [
        PoolReport(borrowed=1, total=2, waiting=3),
        PoolReport(borrowed=2, total=2, has_facts=True),
    ]
    ledger = pool.ledger
    assert (ledger.borrowed, ledger.total, len(ledger.waiting)) == (3, 4, 3)
    assert pool.facts is not None
    assert "3 borrowed of 4" in repr(pool)
    assert "a:3306" in repr(pools)


def test_how_dials_went(voice, pools):
    """A target that one worker reaches is there; else the first failure says why it is not."""
    opening = pools.get(A).opening
    assert (opening.answers, opening.last_failure) == (False, "")
    voice.known["a:3306"] = [PoolReport(last_failure="refused"), PoolReport()]
    assert (opening.answers, opening.last_failure) == (False, "refused")
    voice.known["a:3306"].append(PoolReport(answers=True))
    assert (opening.answers, opening.last_failure) == (True, "")


def test_who_watches_is_told_when_it_changes(voice, pools):
    """Not who it is."""
    pool = pools.get(A)
    assert pool.watcher is None
    for watcher in (None, object(), object(), None):
        pool.watcher = watcher
        assert pool.watcher is watcher
    assert voice.take() == [("watch", "a:3306", True), ("watch", "a:3306", False)]


def test_a_pool_is_made_once_and_found_again(voice, pools):
    """Until it was forgotten; then workers are told to have it again."""
    assert pools.get(A) is pools.get(A)
    assert voice.take() == []
    pool = pools.get(A)
    pools.forget(A)
    assert pools.used() == [pools.get(B)]
    assert pools.get(A) is pool
    assert [told[0] for told in voice.take()] == ["forget", "get"]
    pools.forget(Target(address="nobody"))
    assert voice.take() == []


def test_a_forgotten_pool_goes_when_no_worker_has_anything_left(voice, pools):
    """Not before."""
    pools.forget(A)
    voice.known["a:3306"] = [PoolReport(total=1)]
    pools.sweep()
    assert [*pools.by_address()] == ["a:3306", "b:3306"]
    voice.known["a:3306"] = [PoolReport()]
    pools.sweep()
    assert [*pools.by_address()] == ["b:3306"]
    assert [*pools] == [pools.get(B)]


def test_who_serves_is_told_when_it_changes(voice, pools):
    """With the shares; where nobody does all stays as it is."""
    route = DistantRoute(voice, Role.READ_ONLY, pools.get(A))
    route.serve_by({pools.get(A): 1.0})
    route.serve_by({})
    assert voice.take() == []
    route.serve_by({pools.get(B): 0.5, pools.get(A): 1.0})
    assert voice.take() == [("serve", "READ_ONLY", [["b:3306", 0.5], ["a:3306", 1.0]])]
    assert route.pool is pools.get(B)
    assert route.pools == (pools.get(B), pools.get(A))
    assert "READ_ONLY" in repr(route)


def test_clients_are_balanced_where_there_is_a_choice(voice, pools):
    """By each worker among its own."""
    route = DistantRoute(voice, Role.READ_ONLY, pools.get(A))
    route.balance()
    assert voice.take() == []
    route.serve_by({pools.get(A): 1.0, pools.get(B): 1.0})
    route.balance()
    assert voice.take()[1:] == [("balance", "READ_ONLY")]


def test_what_targets_have_is_told(voice, pools):
    """As text, and forgotten with the reader."""
    writes, position = DistantWrites(voice), parse(GTIDS)
    writes.saw(pools.get(A), position)
    writes.saw(pools.get(B), None)
    assert writes.positions == {"a:3306": GTIDS, "b:3306": None}
    writes.writer_changed(position)
    writes.writer_changed(None)
    writes.forget(pools.get(A))
    assert voice.take() == [
        ("saw", "a:3306", GTIDS),
        ("saw", "b:3306", None),
        ("writer_changed", GTIDS),
        ("writer_changed", None),
        ("forget_reader", "a:3306"),
    ]
    assert "1 targets" in repr(writes)
    writes.stop()
    assert writes.positions == {}


def test_a_pool_may_have_anything_until_all_have_reported(voice, pools):
    """Then what they have reported."""
    pool = pools.get(A)
    voice.is_done = False
    assert pool.is_busy()
    assert pool.is_lent()
    assert pool.is_open()
    voice.is_done = True
    assert not pool.is_busy()
    voice.known["a:3306"] = [PoolReport(total=1, borrowed=1, busy=1)]
    assert pool.is_busy()
    assert not pool.is_busy(left=True)
    assert pool.is_lent()
    assert pool.is_open()
    voice.known["a:3306"] = [PoolReport(left=1)]
    assert pool.is_busy(left=True)
