"""What the records of clients say about a fault: errors, waits, what should not have been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from bench.failover.clients import HANG, Attempt, Client, Kind, What

WORK: Final = frozenset({What.READ, What.WRITE, What.COMMIT})
WRITES: Final = frozenset({What.WRITE})

ROLLED_BACK: Final = "40001"
OUTCOME_UNKNOWN: Final = "08007"


def waits(client: Client, since: float, whats: frozenset[What] = WORK) -> float | None:
    """Seconds from a moment to the end of the first success that ended after it."""
    for attempt in client.attempts:
        if attempt.what in whats and not attempt.trouble and attempt.ended >= since:
            return attempt.ended - since
    return None


def first_write(clients: Iterable[Client], fault_at: float, writable_at: float) -> float | None:
    """Seconds from the moment when writes were possible again to the first that succeeded.

    A success that began before the fault does not count; slightly less than nothing means that
    a client was quicker than the prober.
    """
    ends = [
        attempt.ended
        for client in clients
        for attempt in client.attempts
        if attempt.what is What.WRITE and not attempt.trouble
        if attempt.began > fault_at and attempt.ended >= writable_at
    ]
    return min(ends) - writable_at if ends else None


def last_client(
    clients: Iterable[Client], writable_at: float, whats: frozenset[What] = WORK
) -> float | None:
    """Seconds until the last client had its next success; None where one never had it."""
    found = [waits(client, writable_at, whats) for client in clients]
    return (
        max((one for one in found if one is not None), default=None)
        if all(one is not None for one in found)
        else None
    )


def longest_stall(clients: Iterable[Client], fault_at: float) -> float:
    """The longest time between two successes of a client, the second one after the fault."""
    longest = 0.0
    for client in clients:
        before: float | None = None
        for attempt in client.attempts:
            if attempt.what not in WORK or attempt.trouble:
                continue
            if before is not None and attempt.ended >= fault_at:
                longest = max(longest, attempt.ended - before)
            before = attempt.ended
    return longest


def errors(client: Client) -> list[Attempt]:
    """The statements that failed."""
    return [attempt for attempt in client.attempts if attempt.is_error]


def errors_by_kind(clients: Iterable[Client]) -> dict[Kind, Counter[str]]:
    """How often each trouble was, by the kind of client."""
    found: dict[Kind, Counter[str]] = {}
    for client in clients:
        counter = found.setdefault(client.kind, Counter())
        counter.update(attempt.trouble for attempt in errors(client))
    return found


def lost_connections(clients: Iterable[Client]) -> int:
    """How many connections clients had to make anew."""
    return sum(
        attempt.what is What.CONNECT and not attempt.trouble
        for client in clients
        for attempt in client.attempts
    )


def transaction_at(client: Client, moment: float) -> str:
    """Where a client with transactions was then: ``between``, ``open`` or ``committing``."""
    where = "between"
    for attempt in client.attempts:
        if attempt.began > moment:
            break
        if attempt.ended > moment:
            return "committing" if attempt.what is What.COMMIT else where
        if attempt.trouble or attempt.what is What.COMMIT:
            where = "between"
        elif attempt.what is What.BEGIN:
            where = "open"
    return where


@attrs.frozen
class Surprise:
    """Something that a client should not have heard, or should have.

    Attributes:
        what: the same text for all clients of a kind.
        example: what exactly this one heard, and when.
    """

    what: str
    example: str


def surprises(clients: Iterable[Client], fault_at: float) -> Iterator[Surprise]:
    """What clients of a proxy must not see when its writer is lost.

    Idle and reading ones see nothing; a writing one at most one error, which says that the
    outcome is unknown; one with an open transaction exactly one error, which says that it was
    rolled back, or for a COMMIT that its outcome is unknown.
    """
    for client in clients:
        for what in _wrong(client, fault_at):
            yield Surprise(f"{client.kind.value}: {what}", story(client, fault_at))


def story(client: Client, fault_at: float) -> str:
    """A client and its errors, with times from a moment on."""
    heard = "; ".join(
        f"{attempt.what.value} at {attempt.began - fault_at:+.3f} s for "
        f"{attempt.ended - attempt.began:.3f} s: {attempt.said}"
        for attempt in errors(client)
    )
    return f"{client}: {heard or 'no error'}"


def _wrong(client: Client, fault_at: float) -> Iterator[str]:
    heard = errors(client)
    yield from _always_wrong(client, heard)
    if client.kind in {Kind.IDLE, Kind.READS}:
        if heard:
            yield "an error where nothing was at stake"
    elif client.kind in {Kind.WRITES, Kind.MIXED}:
        for attempt in heard:
            if attempt.what is not What.WRITE or state(attempt) != OUTCOME_UNKNOWN:
                yield f"{attempt.trouble} for a {attempt.what.value}"
    else:
        where = transaction_at(client, fault_at)
        if where == "open" and not heard:
            yield "its transaction was open, and it heard nothing"
        for attempt in heard:
            allowed = {ROLLED_BACK}
            if attempt.what is What.COMMIT:
                allowed.add(OUTCOME_UNKNOWN)
            if state(attempt) not in allowed:
                yield f"{attempt.trouble} for a {attempt.what.value}"


def _always_wrong(client: Client, heard: Sequence[Attempt]) -> Iterator[str]:
    if len(heard) > 1:
        yield f"{len(heard)} errors"
    if any(attempt.trouble == HANG for attempt in heard):
        yield "it hung"
    if lost_connections([client]):
        yield "its connection was lost"


def state(attempt: Attempt) -> str:
    """The SQLSTATE of a trouble; its name where it has none."""
    return attempt.trouble.rpartition("/")[2]
