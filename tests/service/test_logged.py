"""Tests of `proxy.service.logged`."""

import math

from proxy.config.log import LogConfig
from proxy.observe import log
from proxy.service.logged import apply_log
from tests.support.memory import Stage


def test_the_settings_of_the_log_are_in_force_at_once():
    """The level, the logins that are told, and what is slow; and back again."""
    before, proxy = log.level(), Stage().proxy
    try:
        apply_log(LogConfig(level="error", logins="all", slow_statement_time=1.5), [proxy])
        assert log.level() == "error"
        assert (proxy.logged_logins, proxy.tell_after) == ("all", 1.5)
        apply_log(LogConfig(), [proxy])
        assert log.level() == "info"
        assert (proxy.logged_logins, proxy.tell_after) == ("failed", math.inf)
    finally:
        log.set_level(before)
