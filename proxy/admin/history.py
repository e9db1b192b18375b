"""The last minutes of each proxy, second by second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from proxy.admin.json_form import json_text
from proxy.admin.latencies import Counted, latency
from proxy.admin.sight import Sight
from proxy.admin.snapshot import MomentStatus
from proxy.net.clock import Clock, Timer, cancel

KEPT_SECONDS: Final = 300
"""Five minutes: what led to what somebody is called for.  Longer ones are Prometheus's."""

MINUTE: Final = 60
"""Samples that `last_minute` is made of."""

SAMPLE_SECONDS: Final = 1.0


@attrs.define
class _Track:
    """What is kept of one proxy: moments as they are sent, and a minute of what was counted."""

    sight: Sight
    counted: deque[Counted]
    texts: deque[str] = attrs.field(factory=lambda: deque(maxlen=KEPT_SECONDS))
    now: MomentStatus | None = None


class History:
    """Samples all proxies once a second.

    Args:
        proxies: Gives those that there are; a reload may change them.
        clock: Wakes it up.
        wall_time: Seconds since 1970.
        also: Called each second as well.
    """

    def __init__(
        self,
        proxies: Callable[[], Sequence[Sight]],
        clock: Clock,
        wall_time: Callable[[], float] = time.time,
        also: Callable[[], None] = lambda: None,
    ) -> None:
        self._proxies = proxies
        self._clock = clock
        self._wall_time = wall_time
        self._also = also
        self._tracks: dict[str, _Track] = {}
        self._timer: Timer | None = None

    def start(self) -> None:
        """Sample from now on."""
        self._also()
        self.sample()
        self._timer = self._clock.callLater(SAMPLE_SECONDS, self.start)

    def stop(self) -> None:
        """Sample no more."""
        cancel(self._timer)

    def sample(self) -> None:
        """Note how everything stands, and what has happened since the last time."""
        tracks = {}
        for sight in self._proxies():
            name = sight.name
            track = self._tracks.get(name)
            counted = Counted.of(sight)
            if track is None or track.sight is not sight:
                track = _Track(sight, deque([counted], maxlen=MINUTE + 1))
            else:
                moment = self._moment(sight, counted.since(track.counted[-1]))
                track.counted.append(counted)
                track.now = moment
                track.texts.append(json_text(moment))
            tracks[name] = track
        self._tracks = tracks

    def _moment(self, sight: Sight, counted: Counted) -> MomentStatus:
        standing = sight.standing()
        return MomentStatus(
            time=self._wall_time(),
            statements=counted.requests,
            statement_latency=latency(counted.statements),
            database_latency=latency(counted.database),
            borrow_latency=latency(counted.borrows),
            clients=standing.clients,
            connections=standing.connections,
            lent=standing.lent,
            waiting=standing.waiting,
            pinned=standing.pinned,
        )

    def now(self, sight: Sight) -> MomentStatus:
        """The last whole second of a proxy."""
        track = self._tracks.get(sight.name)
        if track is None or track.now is None or track.sight is not sight:
            return self._moment(sight, Counted())
        return track.now

    def last_minute(self, sight: Sight) -> MomentStatus:
        """What happened in the last 60 seconds, and how it stands."""
        track = self._tracks.get(sight.name)
        if track is None or track.sight is not sight:
            return self._moment(sight, Counted())
        counted = track.counted[-1].since(track.counted[0])
        return self._moment(sight, counted)

    def text(self) -> str:
        """All moments of all proxies as a JSON object; each was written when it was taken."""
        return ", ".join(
            f"{json_text(name)}: [{', '.join(track.texts)}]"
            for name, track in self._tracks.items()
        ).join("{}")
