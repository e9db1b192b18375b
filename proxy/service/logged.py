"""Putting the settings of the log in force, at the start and whenever they change."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.config.log import LogConfig
from proxy.front.proxy import Proxy
from proxy.observe.log import set_level


def apply_log(config: LogConfig, proxies: Iterable[Proxy]) -> None:
    """Let the log and these proxies go by other settings from now on.

    The format stays: it is chosen once, when the log is begun.
    """
    set_level(config.level)
    for proxy in proxies:
        proxy.logged_logins = config.logins
        proxy.slow_statement_time = config.slow_statement_time
