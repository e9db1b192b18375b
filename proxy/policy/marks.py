"""What a user has written, as transactions that a reader has to have."""

from __future__ import annotations

from typing import Final

from proxy.policy.gtids import Intervals, Position

INTERVALS: Final = 8
"""Of each source.  Others commit between the commits of one user, which would make a gap each
time; but there are gaps for good, so that not all are closed: members of a replication group
number their transactions in blocks (manual, "group_replication_gtid_assignment_block_size")."""


def added(known: Position, more: Position) -> Position:
    """Both, where `more` was committed by now: with few gaps, though others are asked for too.

    A gap is closed below what is new: what stands there was committed before it.
    """
    both = known.union(more)
    sources = dict(both.sources)
    for source, new in more.sources.items():
        most = max(INTERVALS, len(known.sources.get(source, ())))
        sources[source] = _closed(sources[source], new[-1][1], most)
    return Position(sources, both.domains)


def _closed(intervals: Intervals, last: int, most: int) -> Intervals:
    """So many intervals at most; the one with `last` reaches down to those before it."""
    spans = [*intervals]
    while len(spans) > most:
        place = max(next(n for n, (_, end) in enumerate(spans) if end >= last), 1)
        spans[place - 1 : place + 1] = [(spans[place - 1][0], spans[place][1])]
    return tuple(spans)


def height(position: Position) -> int:
    """A number that grows with what was committed: who wants less is sooner served."""
    lasts = (intervals[-1][1] for intervals in position.sources.values())
    return sum(lasts) + sum(last for last, _ in position.domains.values())
