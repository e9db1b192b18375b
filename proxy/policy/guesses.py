"""Slowing down who guesses passwords."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Iterable

import attrs

from proxy.vocabulary import unmapped

FIRST_DELAY_SECONDS = 1.0
"""The first delay; each further failure doubles it: MySQL's own plugin (connection_control)
begins so too."""

REMEMBERED = 10_000
"""Pairs of user and address that are kept, and addresses; beyond that the one that failed
longest ago is forgotten.  With names as people have them they take some 5 MB, and never more
than 30 MB: a name has no more than 512 bytes on the wire, which Python may keep in 2 KB."""

FORGOTTEN_AFTER_SECONDS = 900.0
"""A pair that has been quiet for so long begins anew, and so does an address that began so long
ago."""

USERS_OF_ADDRESS = 50
"""Users who may fail from one address in that time before refusals there are delayed: behind a
balancer or a gateway some always do, and who tries one password with many names tries more."""

NETWORK_BITS = 64
"""The part of an IPv6 address that counts: whoever has one has all others of its network."""


@attrs.define
class _Record:
    failures: int
    last: float


@attrs.define
class _Place:
    users: int
    began: float


class Guesses:
    """Counts failed logins in a row by user and address, and users who fail by address.

    Only refusals are delayed, never who is right: so nobody can lock another one out.

    Args:
        threshold: Failures before the first delay; 0 switches it off.
        longest_seconds: The longest delay.
    """

    def __init__(self, threshold: int, longest_seconds: float) -> None:
        self._threshold = threshold
        self._longest = longest_seconds
        self._records: OrderedDict[tuple[str, str], _Record] = OrderedDict()
        self._places: OrderedDict[str, _Place] = OrderedDict()

    def change(self, threshold: int, longest_seconds: float) -> None:
        """Other limits from now on; what is remembered counts on."""
        self._threshold = threshold
        self._longest = longest_seconds

    @property
    def is_on(self) -> bool:
        """Whether anybody is delayed at all."""
        return self._threshold > 0

    @property
    def pairs(self) -> Iterable[tuple[str, str]]:
        """Those remembered: a user, and what `source_of` gives for the address."""
        return self._records.keys()

    def __repr__(self) -> str:
        """How many are remembered."""
        return f"<Guesses of {len(self._records)}>"

    def failed(self, user: str, address: str, now: float) -> float:
        """Note a failure; gives the seconds by which the refusal is to be delayed."""
        if not self._threshold:
            return 0.0
        source = source_of(address)
        key = (user, source)
        record = self._records.pop(key, None)
        begins = record is None or now - record.last > FORGOTTEN_AFTER_SECONDS
        if record is None or begins:
            record = _Record(0, now)
        record.failures += 1
        record.last = now
        self._records[key] = record
        if len(self._records) > REMEMBERED:
            self._records.popitem(last=False)
        users = self._count_users(source, now, begins=begins)
        return self._delay(max(record.failures - self._threshold, users - USERS_OF_ADDRESS))

    def _count_users(self, source: str, now: float, *, begins: bool) -> int:
        """How many have begun to fail there; `begins`: one more."""
        place = self._places.pop(source, None)
        if place is None or now - place.began > FORGOTTEN_AFTER_SECONDS:
            place = _Place(0, now)
        place.users += begins
        self._places[source] = place
        if len(self._places) > REMEMBERED:
            self._places.popitem(last=False)
        return place.users

    def _delay(self, beyond: int) -> float:
        if beyond <= 0:
            return 0.0
        return min(FIRST_DELAY_SECONDS * 2.0 ** min(beyond - 1, 30), self._longest)

    def succeeded(self, user: str, address: str) -> None:
        """The user is who it says: begin anew, and do not count it among those who fail."""
        if not self._records:
            return
        source = source_of(address)
        if self._records.pop((user, source), None) is None:
            return
        place = self._places.get(source)
        if place is not None and place.users:
            place.users -= 1

    def forget(self, now: float) -> None:
        """Drop the pairs that have been quiet for so long that they begin anew anyway."""
        while self._records:
            pair, record = next(iter(self._records.items()))  # it failed longest ago
            if now - record.last <= FORGOTTEN_AFTER_SECONDS:
                return
            del self._records[pair]


def source_of(address: str) -> str:
    """What counts as one address: an IPv6 network, an IPv4 address however it is written."""
    if ":" not in address:  # no IPv6: there is nothing to find out, which costs some µs
        return address
    address = unmapped(address)
    try:
        place = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    hidden = 128 - NETWORK_BITS
    return str(ipaddress.IPv6Address(int(place) >> hidden << hidden))
