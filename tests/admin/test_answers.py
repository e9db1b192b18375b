"""Tests of `proxy.admin.answers`."""

from __future__ import annotations

import attrs

from proxy.admin import answers
from proxy.admin.api import ROUTES


def test_each_shape_is_the_answer_of_a_route():
    """But the one of refusals, which is that of all."""
    shapes = {kind for kind in vars(answers).values() if attrs.has(kind)}
    shapes = {kind for kind in shapes if kind.__module__ == answers.__name__}
    assert shapes - {route.gives for route in ROUTES} == {answers.Refusal}
