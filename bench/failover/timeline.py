"""What clients got in every moment around a fault, as values that a file can keep."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import attrs
from cattrs import structure, unstructure

from bench.failover import verdict
from bench.failover.clients import Client

BUCKET_SECONDS: Final = 0.02
"""How fine it is: a tenth of what people notice."""


@attrs.frozen
class Moment:
    """Something that happened once.

    Attributes:
        name: what.
        at: when, in seconds from the fault on.
    """

    name: str
    at: float


@attrs.frozen
class Lane:
    """The clients of one kind.

    Attributes:
        kind: what they do.
        clients: how many they are.
        answers: how many they got, bucket by bucket.
        errors: how many statements failed, bucket by bucket.
        heard: how often each error was heard in all.
    """

    kind: str
    clients: int
    answers: tuple[int, ...]
    errors: tuple[int, ...]
    heard: dict[str, int]


@attrs.frozen
class Timeline:
    """One run.

    Attributes:
        title: what was done.
        bucket_seconds: the length of a bucket.
        begins: the first bucket's begin, in seconds from the fault on; less than 0.
        held: from when until when the proxy kept clients waiting, in seconds from the fault on.
        moments: in the order in which they came.
        lanes: one for each kind of client, with equally many buckets.
    """

    title: str
    bucket_seconds: float
    begins: float
    held: tuple[float, float] | None
    moments: tuple[Moment, ...]
    lanes: tuple[Lane, ...]

    @property
    def ends(self) -> float:
        """The end of the last bucket, in seconds from the fault on."""
        most = max((len(lane.answers) for lane in self.lanes), default=0)
        return self.begins + most * self.bucket_seconds

    def write(self, path: Path) -> None:
        """Write it to a file."""
        path.write_text(json.dumps(unstructure(self)) + "\n", "utf-8")


def read(path: Path) -> Timeline:
    """Read what was written.

    Raises:
        OSError: there is no such file.
        ValueError: it is not JSON.
        cattrs.BaseValidationError: it is something else.
    """
    return structure(json.loads(path.read_text("utf-8")), Timeline)


def lanes(
    clients: Sequence[Client], fault_at: float, begins: float, ends: float
) -> tuple[Lane, ...]:
    """What the clients did, kind by kind in the order in which they come.

    Answers are those to reads, writes and COMMITs: for the others no database is needed.

    Args:
        clients: with their records.
        fault_at: when the fault was, by their clock.
        begins: the first bucket's begin, in seconds from the fault on.
        ends: the end of the last one.
    """
    count = round((ends - begins) / BUCKET_SECONDS)
    found = []
    for kind in dict.fromkeys(client.kind for client in clients):
        mine = [client for client in clients if client.kind is kind]
        good = [
            attempt.ended
            for client in mine
            for attempt in client.attempts
            if attempt.what in verdict.WORK and not attempt.trouble
        ]
        bad = [attempt for client in mine for attempt in verdict.errors(client)]
        found.append(
            Lane(
                kind.value,
                len(mine),
                buckets(good, fault_at + begins, count),
                buckets([attempt.ended for attempt in bad], fault_at + begins, count),
                dict(Counter(attempt.trouble for attempt in bad)),
            )
        )
    return tuple(found)


def buckets(moments: Iterable[float], begins: float, count: int) -> tuple[int, ...]:
    """How many moments are in each of so many buckets; others are left out."""
    places = Counter(int((moment - begins) // BUCKET_SECONDS) for moment in moments)
    return tuple(places[place] for place in range(count))
