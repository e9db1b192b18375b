"""Slowing down who guesses passwords."""

from __future__ import annotations

from collections import OrderedDict

import attrs

FIRST_DELAY_SECONDS = 1.0
"""The first delay; each further failure doubles it: MySQL's own plugin (connection_control)
begins so too."""

REMEMBERED = 10_000
"""Pairs of user and address that are kept, some 2 MB; beyond that the one that failed longest
ago is forgotten."""

FORGOTTEN_AFTER_SECONDS = 900.0
"""A pair that has been quiet for so long begins anew."""


@attrs.define
class _Record:
    failures: int
    last: float


class Guesses:
    """Counts failed logins in a row, by user and address.

    Only refusals are delayed, never who is right: so nobody can lock another one out.

    Args:
        threshold: Failures before the first delay; 0 switches it off.
        longest_seconds: The longest delay.
    """

    def __init__(self, threshold: int, longest_seconds: float) -> None:
        self._threshold = threshold
        self._longest = longest_seconds
        self._records: OrderedDict[tuple[str, str], _Record] = OrderedDict()

    def __repr__(self) -> str:
        """How many are remembered."""
        return f"<Guesses of {len(self._records)}>"

    def failed(self, user: str, address: str, now: float) -> float:
        """Note a failure; gives the seconds by which the refusal is to be delayed."""
        if not self._threshold:
            return 0.0
        key = (user, address)
        record = self._records.pop(key, None)
        if record is None or now - record.last > FORGOTTEN_AFTER_SECONDS:
            record = _Record(0, now)
        record.failures += 1
        record.last = now
        self._records[key] = record
        if len(self._records) > REMEMBERED:
            self._records.popitem(last=False)
        beyond = record.failures - self._threshold
        if beyond <= 0:
            return 0.0
        return min(FIRST_DELAY_SECONDS * 2.0 ** min(beyond - 1, 30), self._longest)

    def succeeded(self, user: str, address: str) -> None:
        """The user is who it says: begin anew."""
        if self._records:
            self._records.pop((user, address), None)
