"""Changing the configuration of a running proxy, as operators do."""

from __future__ import annotations

import copy
import signal
import time
from collections.abc import Callable
from typing import Any

import yaml

from tests.support.failing_over import Watching

LIMIT_SECONDS = 60

CHANGED = "the configuration was changed"
NOT_CHANGED = "the configuration was not changed"


class Configured:
    """The configuration file of a proxy.

    Attributes:
        document: What it says now.
    """

    def __init__(self, proxy: Watching) -> None:
        self._proxy = proxy
        self._path = proxy.log_path.with_name("mysqlproxy.yaml")
        self.document: dict[str, Any] = yaml.safe_load(self._path.read_text("utf-8"))

    @property
    def shop(self) -> dict[str, Any]:
        """The only proxy in it."""
        section: dict[str, Any] = self.document["proxies"][0]
        return section

    def write(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the document, and the file with it."""
        document = copy.deepcopy(self.document)
        change(document)
        self._path.write_text(yaml.safe_dump(document), "utf-8")
        self.document = document

    def change(self, change: Callable[[dict[str, Any]], object]) -> list[str]:
        """Have something changed, by SIGHUP; what the proxy says has changed."""
        seen = len(self._proxy.said(CHANGED))
        self.write(change)
        self._proxy.process.send_signal(signal.SIGHUP)
        line = self._proxy.wait_for(CHANGED, seen + 1)
        paths: list[str] = line["changed"]
        return paths

    def refuse(self, change: Callable[[dict[str, Any]], object]) -> str:
        """Have a change refused, and take it back; why it was."""
        before = self.document
        self.write(change)
        reply = self._proxy.admin.post("reload")
        self.write(lambda document: (document.clear(), document.update(before)))
        assert reply.error, reply
        return reply.error


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
