"""How often in the last minute there was a target for each role."""

from __future__ import annotations

from collections import deque

from proxy.failover.steward import Steward
from proxy.vocabulary import Role

LOOKS = 60
"""Looks that count, one a second: RDS Proxy tells the share of a minute's health checks too."""


class Availability:
    """Looks each second what the steward knows of its targets."""

    def __init__(self, steward: Steward) -> None:
        self._steward = steward
        self._looks: dict[Role, deque[bool]] = {}

    def __repr__(self) -> str:
        """The shares."""
        return f"<Availability {self.percentages()}>"

    def look(self) -> None:
        """See which roles have somebody; a role without any target is in no look."""
        steward = self._steward
        found = {Role.READ_WRITE: not steward.waits.hold and self._is_fit(steward.writer)}
        readers = [name for name in steward.posts if name != steward.writer]
        if readers:
            found[Role.READ_ONLY] = any(map(self._is_fit, readers))
        else:
            self._looks.pop(Role.READ_ONLY, None)
        for role, fit in found.items():
            self._looks.setdefault(role, deque(maxlen=LOOKS)).append(fit)

    def _is_fit(self, name: str) -> bool:
        """Whether a target is well, as far as is known; where nobody looks its dials tell."""
        steward = self._steward
        post = steward.posts.get(name)
        if post is None:
            return False
        if steward.watches:
            return post.health.is_usable
        return post.pool.opening.answers

    def percentages(self) -> dict[str, float]:
        """From 0 to 100, by the name of the role."""
        return {
            role.value: 100.0 * sum(looks) / len(looks) for role, looks in self._looks.items()
        }
