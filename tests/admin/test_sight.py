"""Tests of `proxy.admin.sight`: whoever shows a proxy shows all of it."""

from __future__ import annotations

import inspect

import attrs
import pytest

from proxy.admin.near_sight import NearSight
from proxy.admin.sight import Seen, Sight, Standing
from proxy.service.supervising.distant_sight import DistantSight

MEMBERS = [name for name in vars(Sight) if not name.startswith("_")]


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("kind", [NearSight, DistantSight])
def test_it_has_all_that_is_asked_for(kind, name):
    """What is waited for is, and takes the same; what is looked at is no function."""
    wanted, found = vars(Sight)[name], inspect.getattr_static(kind, name)
    assert isinstance(found, property) == isinstance(wanted, property)
    if isinstance(wanted, property):
        assert (found.fset is None) == (wanted.fset is None)
        return
    assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(wanted)
    assert (
        inspect.signature(found).parameters.keys()
        == inspect.signature(wanted).parameters.keys()
    )


def test_what_is_seen_is_a_value():
    """With nobody missing unless it is said."""
    seen = Seen([1, 2], 5)
    assert seen.missing == ()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        seen.total = 1
    assert Standing() == Standing(clients=0, connections=0, lent=0, waiting=0, pinned=0)
