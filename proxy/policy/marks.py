"""How far a server is, in one number for each source of transactions.

Whoever wants a transaction wants all before it too: they came first on the writer.  So a number
stands for them, and sets of single transactions need not be kept.
"""

from __future__ import annotations

from typing import TypeAlias

from proxy.policy.gtids import Position

Marks: TypeAlias = dict[str, int]
"""The last transaction of each source, where all before are there too: by uuid (or uuid:tag) on
MySQL, by the number of the domain on MariaDB."""


def wanted(position: Position) -> Marks:
    """What whoever wants these transactions wants."""
    marks = _of_domains(position)
    for source, intervals in position.sources.items():
        marks[source] = intervals[-1][1]
    return marks


def reached(position: Position) -> Marks:
    """How far a server is that has these transactions: before the first gap."""
    marks = _of_domains(position)
    for source, ((first, last), *_) in position.sources.items():
        marks[source] = last if first == 1 else 0
    return marks


def _of_domains(position: Position) -> Marks:
    return {str(domain): last for domain, (last, _) in position.domains.items()}


def merge(one: Marks, other: Marks) -> Marks:
    """What both want."""
    return {source: max(one.get(source, 0), other.get(source, 0)) for source in {*one, *other}}


def covers(has: Marks, needed: Marks) -> bool:
    """Whether all that is needed is there."""
    return all(has.get(source, 0) >= number for source, number in needed.items())


def as_position(marks: Marks) -> str:
    """As a server takes it: uuid:1-5 on MySQL, 0-1-5 on MariaDB.

    Whoever waits on MariaDB waits for the domain and the number, not for the server between.
    """
    return ",".join(
        f"{source}-1-{number}" if source.isdigit() else f"{source}:1-{number}"
        for source, number in sorted(marks.items())
        if number
    )
