"""Tests of `proxy.admin.desk`."""

from __future__ import annotations

import pytest

from proxy.admin.call import CallRefusedError
from proxy.admin.desk import unknown


@pytest.mark.parametrize(
    ("known", "why"),
    [(["a", "b"], "there is no proxy 'x'; there are a, b"), ([], "'x'; there are none")],
)
def test_what_is_not_there_is_told_with_what_is(known, why):
    """In words, and as a list."""
    error = unknown("proxy", "x", known)
    assert isinstance(error, CallRefusedError)
    assert error.answer.content["error"].endswith(why)
    assert error.answer.content["known"] == known


def test_long_names_are_cut():
    """Nobody fills an answer with what was sent."""
    assert len(unknown("proxy", "x" * 5000, []).answer.content["error"]) < 200
