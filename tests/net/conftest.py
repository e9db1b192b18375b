"""Certificates for the tests of TLS."""

import pytest

from proxy.embedded.certificates import Authority


@pytest.fixture(scope="module")
def authority():
    """Signs all certificates that are good."""
    return Authority.make()


@pytest.fixture
def files(authority, tmp_path):
    """A certificate in files that a test may change."""
    return authority.issue(["db.example.com"]).write(tmp_path / "server")
