"""Tests of `proxy.config.log`."""

from __future__ import annotations

import pytest

from proxy.config.log import LogConfig
from proxy.config.rules import UnfitError


def test_says_little_by_default():
    """Failed logins have a line, those that go well and slow statements have none."""
    config = LogConfig()
    assert (config.level, config.format) == ("info", "auto")
    assert config.logins == "failed"
    assert config.slow_statement_time is None


@pytest.mark.parametrize(
    "wrong", [{"logins": "some"}, {"slow_statement_time": 0}, {"level": "loud"}]
)
def test_refuses_what_it_does_not_know(wrong):
    """A word that is none, and a time in which no statement could end."""
    with pytest.raises(UnfitError):
        LogConfig(**wrong)
