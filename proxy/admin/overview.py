"""What the dashboard shows, made at most once a second however many of them are open."""

from __future__ import annotations

from typing import Final

from proxy.admin.history import History
from proxy.admin.json_form import json_text
from proxy.admin.looking import endpoints, process_status
from proxy.admin.process import Process, Served
from proxy.admin.snapshot import Overview, ProxyOverview
from proxy.net.clock import Clock

KEPT_SECONDS: Final = 0.9
"""Shorter than the second after which a dashboard asks again: who asks alone sees each one."""


class Overviews:
    """Makes the overview, and keeps it for a moment.

    To make one takes about a millisecond for each 10,000 clients.
    """

    def __init__(self, process: Process, history: History, clock: Clock) -> None:
        self._process = process
        self._history = history
        self._clock = clock
        self._made = float("-inf")
        self._texts: dict[bool, bytes] = {}

    def text(self, *, may_act: bool) -> bytes:
        """The overview as it is sent."""
        now = self._clock.seconds()
        if now - self._made > KEPT_SECONDS or not self._texts:
            self._made, self._texts = now, {}
        text = self._texts.get(may_act)
        if text is None:
            overview = self.overview(may_act=may_act)
            text = self._texts[may_act] = json_text(overview).encode() + b"\n"
        return text

    def overview(self, *, may_act: bool) -> Overview:
        """The overview of this moment."""
        return Overview(
            process=process_status(self._process),
            proxies=tuple(self._proxy(served) for served in self._process.served()),
            may_act=may_act,
            workers=tuple(self._process.workers()),
        )

    def _proxy(self, served: Served) -> ProxyOverview:
        sight = served.sight
        return ProxyOverview(
            status=served.operations.status(),
            endpoints=tuple(endpoints(served)),
            targets=tuple(served.operations.targets()),
            pools=tuple(sight.pools()),
            pins=tuple(sight.pin_reasons()),
            now=self._history.now(sight),
            last_minute=self._history.last_minute(sight),
        )
