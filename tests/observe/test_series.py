"""Tests of `proxy.observe.series`."""

from __future__ import annotations

from proxy.observe.series import COUNTER, GAUGE, HISTOGRAM, Series, series


def test_a_name_has_its_unit_and_suffix():
    """A counter ends in _total where it is asked for, a histogram is in seconds."""
    kinds = {kind: Series("waits", kind, (), "", "") for kind in (COUNTER, GAUGE, HISTOGRAM)}
    assert kinds[COUNTER].name == kinds[GAUGE].name == "mysqlproxy_waits"
    assert kinds[COUNTER].shown == "mysqlproxy_waits_total"
    assert kinds[GAUGE].shown == "mysqlproxy_waits"
    assert kinds[HISTOGRAM].name == kinds[HISTOGRAM].shown == "mysqlproxy_waits_seconds"


def test_some_have_much_in_common():
    """All but what stands in their rows."""
    one, other = series(GAUGE, ("proxy",), ("a", "A", "First."), ("b", "", "Second."))
    assert one == Series("a", GAUGE, ("proxy",), "A", "First.")
    assert other == Series("b", GAUGE, ("proxy",), "", "Second.")
