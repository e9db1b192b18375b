"""Tests of `proxy.policy.coming`."""

from __future__ import annotations

import pytest

from proxy.policy.coming import Coming


def test_each_key_is_counted_alone():
    """What has come is not counted any more, and leaves no key behind."""
    coming = Coming()
    for key in ("app", "app", "other"):
        coming.add(key)
    assert [coming.of(key) for key in ("app", "other", "nobody")] == [2, 1, 0]
    coming.remove("app")
    coming.remove("other")
    assert repr(coming) == "<Coming {'app': 1}>"


def test_nothing_comes_that_was_not_on_its_way():
    """It would be a mistake of the book's."""
    with pytest.raises(KeyError):
        Coming().remove("app")
