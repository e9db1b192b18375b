"""Tests of `proxy.failover.reports`."""

from __future__ import annotations

import json

import pytest

from proxy.failover.reports import PoolReport, decode_report, encode_report, report_of
from tests.support.group import Group, begin


@pytest.fixture
def group():
    """A writer and a reader, both well."""
    group = Group("a", "b").be_well()
    yield group
    group.stop()


def test_a_pool_says_what_clients_have_of_it(group):
    """A transaction is busy, and an older one once the generation is another."""
    begin(group)
    pool = group.pool("a")
    report = report_of(pool)
    assert (report.borrowed, report.total, report.busy, report.left) == (1, 1, 1, 0)
    assert (report.waiting, report.has_facts, report.answers) == (0, True, True)
    assert not report.is_empty
    pool.retire_all()
    assert report_of(pool).left == 1


def test_a_lingering_lease_is_busy(group):
    """Its client may begin with it at any time."""
    client = group.client()
    client.query(b"SELECT 'x'")
    pool = group.pool("a")
    assert pool.ledger.lingering or not pool.ledger.borrowed
    assert report_of(pool).busy == len(pool.ledger.lingering)


def test_a_pool_without_anything_is_empty(group):
    """Nobody waits, and there is no connection."""
    assert report_of(group.pool("b")).is_empty
    assert not PoolReport(waiting=1).is_empty


def test_a_failure_is_told(group):
    """With its words."""
    group.host("b").kill()
    group.connect("reads")
    group.run(0.01)
    report = report_of(group.pool("b"))
    assert not report.answers
    assert report.last_failure
    assert report.waiting == 1


def test_a_report_goes_through_json(group):
    """And is the same after it."""
    begin(group)
    report = report_of(group.pool("a"))
    assert decode_report(json.loads(json.dumps(encode_report(report)))) == report
