"""Tests of `proxy.admin.process`: who serves is a process, and so is who pretends to be one."""

from __future__ import annotations

import inspect

import attrs
import pytest

from proxy.admin.process import Process, Served
from proxy.service.process import RunningProcess
from tests.admin.operating import FakeOperations, FakeProcess

MEMBERS = [name for name in vars(Process) if not name.startswith("_")]
KINDS = {"the running one": RunningProcess, "a fake": FakeProcess(FakeOperations())}


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_it_has_all_that_is_asked_for(kind, name):
    """What is waited for is, and takes the same; what is looked at is no function."""
    wanted, found = vars(Process)[name], inspect.getattr_static(kind, name)
    assert inspect.isfunction(found) == inspect.isfunction(wanted)
    if inspect.isfunction(wanted):
        assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(wanted)
        assert [*inspect.signature(found).parameters] == [*inspect.signature(wanted).parameters]


def test_a_proxy_is_served_as_a_value():
    """Whoever holds one holds it as it was."""
    (served,) = FakeProcess(FakeOperations()).served()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        served.addresses = {}
    assert isinstance(served, Served)
    assert served.sight.name == served.operations.name
