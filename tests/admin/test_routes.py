"""Tests of `proxy.admin.routes`."""

from __future__ import annotations

import pytest

from proxy.admin.api import ROUTES
from proxy.admin.call import Call, CallRefusedError
from proxy.admin.routes import Number, Route, find
from proxy.config.admin_users import AdminRole

LIMIT = Number(name="limit", doc="How many.", default=10, high=100)


async def handler(_desk, _asked):
    """Does nothing.

    And says so at length.
    """


ROUTE = Route(
    method="GET", template="/a/{one}/b/{two}", handler=handler, gives=dict, query=(LIMIT,)
)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a/x/b/y", {"one": "x", "two": "y"}),
        ("a/x/b", None),
        ("a/x/b/", None),
        ("a//b/y", None),
        ("b/x/b/y", None),
        ("a/x/b/y/z", None),
    ],
)
def test_a_path_is_matched_segment_by_segment(path, names):
    """A name stands for one segment that is not empty."""
    assert ROUTE.match(path.split("/")) == names


def test_numbers_of_the_query_have_defaults():
    """What is given is read, and what is not is what the route says."""
    assert ROUTE.numbers("") == {"limit": 10}
    assert ROUTE.numbers("limit=0") == {"limit": 0}
    assert ROUTE.numbers("limit=1&limit=100") == {"limit": 100}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("limit=101", "from 0 to 100"),
        ("limit=-1", "from 0 to 100"),
        ("limit=", "whole number"),
        ("limit=1.5", "whole number"),
        ("limit=%D9%A1", "whole number"),
        ("limit=" + "9" * 5000, "whole number"),
        ("other=1", "'other' is no parameter; there are limit"),
        ("&".join(["limit=1"] * 11), "too many"),
    ],
)
def test_other_queries_are_refused(query, why):
    """With a sentence that says what may stand there."""
    with pytest.raises(CallRefusedError, match=why) as caught:
        ROUTE.numbers(query)
    assert caught.value.answer.status == 400


def test_a_route_says_what_it_does():
    """By the first line of its handler's docstring."""
    assert ROUTE.summary == "Does nothing."


def test_who_looks_needs_less_than_who_acts():
    """The method says which it is."""
    assert {route.role for route in ROUTES if route.method == "GET"} == {AdminRole.VIEWER}
    assert {route.role for route in ROUTES if route.method == "POST"} == {AdminRole.OPERATOR}


def test_no_two_routes_are_the_same():
    """Each has a path and a method of its own, and a sentence."""
    assert len({(route.method, route.template) for route in ROUTES}) == len(ROUTES)
    assert all(route.summary.endswith(".") for route in ROUTES)


def test_only_what_tells_nothing_is_open():
    """Whether the process is well, and the dashboard's own files."""
    found = {route.template for route in ROUTES if route.is_open}
    assert found == {"/health", "/ready", "/", "/assets/{file}"}


@pytest.mark.parametrize("path", ["a", "*", "http://x/a"])
def test_a_path_begins_with_a_slash(path):
    """What stands there else is nothing of ours."""
    with pytest.raises(CallRefusedError) as caught:
        find((ROUTE,), Call(method="GET", path=path))
    assert caught.value.answer.status == 404
