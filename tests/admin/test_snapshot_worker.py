"""Tests of `proxy.admin.snapshot_worker`."""

from __future__ import annotations

import attrs
import pytest

from proxy.admin.api import ROUTES
from proxy.admin.openapi import document
from proxy.admin.schema import descriptions
from proxy.admin.snapshot_worker import WORKER_STATES, WorkerStatus

NAMES = [field.name for field in attrs.fields(WorkerStatus)]


def test_each_attribute_is_described():
    """In their order, and so in the OpenAPI document."""
    assert [*descriptions(WorkerStatus)] == NAMES
    schema = document(ROUTES)["components"]["schemas"]["WorkerStatus"]
    assert schema["required"] == [*schema["properties"]] == NAMES
    assert schema["properties"]["state"]["enum"] == [*WORKER_STATES]


def test_a_state_is_one_of_a_few():
    """Each is one word."""
    assert all(state.isalpha() and state.islower() for state in WORKER_STATES)
    for state in WORKER_STATES:
        assert WorkerStatus(number=1, state=state).state == state
    with pytest.raises(ValueError, match="state"):
        WorkerStatus(number=1, state="asleep")


def test_it_does_not_change():
    """It is of one moment."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        WorkerStatus(number=1).number = 2
