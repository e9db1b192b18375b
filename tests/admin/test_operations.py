"""Tests of `proxy.admin.operations`."""

from __future__ import annotations

import inspect

from proxy.admin.operations import Operations
from tests.admin.operating import FakeOperations


def test_what_takes_a_while_is_a_coroutine():
    """Nothing that only undoes has to be waited for."""
    long = {name for name, one in vars(Operations).items() if inspect.iscoroutinefunction(one)}
    assert long == {"drain", "promote", "pause", "switch"}


def test_the_double_of_these_tests_is_one():
    """Every method that the API calls is there, with the same parameters."""
    fake = FakeOperations()
    assert fake.name == "shop"
    for name, method in vars(Operations).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            wanted = [*inspect.signature(method).parameters][1:]
            assert [*inspect.signature(getattr(fake, name)).parameters] == wanted
