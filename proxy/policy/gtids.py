"""Which transactions a server has, as its GTIDs tell: MySQL's sets and MariaDB's positions.

MySQL's grammar: manual, section "GTID Sets", with tags since 8.3; MariaDB's: knowledge base,
"Global Transaction ID".
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, TypeAlias

import attrs

TEXT_LIMIT = 1 << 18
"""Characters of a text that is read: some 15,000 gaps, for which it takes 10 ms.  Servers have
a few gaps per source; one with more is not compared rather than stopping all clients."""

REPR_LIMIT = 120
"""Characters of a position in a log line: two or three sources."""

_LARGEST: Final = (1 << 63) - 1
"""The largest number of a transaction, on MySQL; MariaDB's have one bit more."""

Intervals: TypeAlias = tuple[tuple[int, int], ...]
"""First and last number of each, ascending, with gaps between them."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TAG = re.compile(r"[a-z_][a-z0-9_]{0,31}")
_INTERVAL = re.compile(r"([0-9]{1,19})(?:-([0-9]{1,19}))?")
_MARIADB = re.compile(r"([0-9]{1,10})-([0-9]{1,10})-([0-9]{1,20})")


@attrs.frozen(repr=False)
class Position:
    """The transactions that a server has.

    Attributes:
        sources: MySQL: what it has of each source, which is `uuid` or `uuid:tag`.
        domains: MariaDB: the sequence number and the server of the last transaction of each
            domain, which means all before it too.
    """

    sources: Mapping[str, Intervals] = attrs.Factory(dict)
    domains: Mapping[int, tuple[int, int]] = attrs.Factory(dict)

    def __hash__(self) -> int:
        return hash((frozenset(self.sources.items()), frozenset(self.domains.items())))

    def __str__(self) -> str:
        """As a server takes it."""
        parts = []
        for source, intervals in sorted(self.sources.items()):
            spans = (str(a) if a == b else f"{a}-{b}" for a, b in intervals)
            parts.append(":".join((source, *spans)))
        for domain, (sequence, server) in sorted(self.domains.items()):
            parts.append(f"{domain}-{server}-{sequence}")
        return ",".join(parts)

    def __repr__(self) -> str:
        """The text, cut where it is long."""
        text = str(self)
        if len(text) > REPR_LIMIT:
            text = f"{text[:REPR_LIMIT]}... ({self.size} transactions)"
        return f"<Position {text or 'empty'}>"

    @property
    def is_empty(self) -> bool:
        """Whether it has no transaction."""
        return not self.sources and not self.domains

    @property
    def size(self) -> int:
        """How many transactions: on MariaDB the sum of the sequence numbers."""
        spans = (b - a + 1 for intervals in self.sources.values() for a, b in intervals)
        return sum(spans) + sum(sequence for sequence, _ in self.domains.values())

    def contains(self, other: Position) -> bool:
        """Whether it has every transaction that the other one has.

        On MariaDB two servers that each wrote a transaction of the same number went apart:
        neither has what the other one has.
        """
        for source, wanted in other.sources.items():
            if not _covers(self.sources.get(source, ()), wanted):
                return False
        for domain, (sequence, server) in other.domains.items():
            mine, writer = self.domains.get(domain, (-1, -1))
            if mine < sequence or (mine == sequence and writer != server):
                return False
        return True

    def union(self, other: Position) -> Position:
        """What the two have together."""
        sources, domains = dict(self.sources), dict(self.domains)
        for source, intervals in other.sources.items():
            mine = sources.get(source)
            sources[source] = intervals if mine is None else _merged([*mine, *intervals])
        for domain, last in other.domains.items():
            mine_last = domains.get(domain)
            if mine_last is None or mine_last[0] < last[0]:
                domains[domain] = last
        return Position(sources, domains)


def parse(text: str) -> Position | None:
    """Read a GTID set of MySQL's or a position of MariaDB's; None for anything else.

    Takes gtid_executed with its line ends, gtid_binlog_pos, or a single GTID.  An empty text
    is an empty position.
    """
    if len(text) > TEXT_LIMIT:
        return None
    sources: dict[str, list[tuple[int, int]]] = {}
    domains: dict[int, tuple[int, int]] = {}
    for part in filter(None, map(str.strip, text.lower().split(","))):
        found = _MARIADB.fullmatch(part)
        if found is not None:
            domain, server, sequence = map(int, found.groups())
            if domain not in domains or domains[domain][0] <= sequence:
                domains[domain] = (sequence, server)
        elif not _read_source(part, sources):
            return None
    if sources and domains:
        return None
    return Position({name: _merged(spans) for name, spans in sources.items()}, domains)


def _read_source(part: str, sources: dict[str, list[tuple[int, int]]]) -> bool:
    """Read `uuid:1-5:7:tag:1-3`: a tag holds for the intervals behind it."""
    uuid, *words = part.split(":")
    if not words or not _UUID.fullmatch(uuid):
        return False
    name, bare = uuid, True
    for word in words:
        found = _INTERVAL.fullmatch(word)
        if found is not None:
            first = int(found[1])
            last = int(found[2] or first)
            if not 1 <= first <= last <= _LARGEST:
                return False
            sources.setdefault(name, []).append((first, last))
            bare = False
        elif _TAG.fullmatch(word) and (name == uuid or not bare):
            name, bare = f"{uuid}:{word}", True
        else:
            return False
    return not bare


def _merged(spans: list[tuple[int, int]]) -> Intervals:
    """Sort intervals and join those that touch."""
    spans.sort()
    merged = [spans[0]]
    for first, last in spans[1:]:
        start, end = merged[-1]
        if first > end + 1:
            merged.append((first, last))
        elif last > end:
            merged[-1] = (start, last)
    return tuple(merged)


def _covers(mine: Intervals, wanted: Intervals) -> bool:
    """Whether each interval that is wanted lies in one of mine."""
    for first, last in wanted:
        place = bisect_right(mine, (first, _LARGEST)) - 1
        if place < 0 or mine[place][1] < last:
            return False
    return True
