"""An admin API on a unix socket, in front of a proxy that does nothing."""

from __future__ import annotations

import pytest

from tests.admin.operating import FakeOperations, serving


@pytest.fixture
def operations():
    return FakeOperations()


@pytest.fixture
def served(operations):
    with serving(operations) as served:
        yield served


@pytest.fixture
def path(served, tmp_path):
    """Listen on a unix socket."""
    path = tmp_path / "admin.sock"
    served.call(served.site.listen, f"unix:{path}")
    return path
