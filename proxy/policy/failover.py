"""The plan: who takes the writes, and whether clients have to wait for that.

It is made anew from what is known after each look, and carried out by the steward.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from proxy.policy.gtids import Position
from proxy.policy.health import Condition, Health
from proxy.policy.observation import Seen


@attrs.frozen(kw_only=True)
class Rules:
    """What the configuration wants; times in seconds.

    Attributes:
        moves: Roles move between targets; else the writer is a fixed one.
        several_writers: Several targets take writes at once, and one of them is used (Galera,
            a multi-primary group).
        refuses_split_brain: Nobody writes while two targets take writes that should not; else
            the known writer is kept.
        fences: Targets that take writes and should not are made read-only.
        trust_seconds: How long a look is believed that saw a target take writes.
        min_switch_interval: Between two changes of the writer.
    """

    moves: bool
    several_writers: bool = False
    refuses_split_brain: bool = False
    fences: bool = False
    trust_seconds: float = 2.0
    min_switch_interval: float = 5.0


@attrs.frozen
class Candidate:
    """A target, as the plan sees it.

    Attributes:
        name: Its address.
        health: How it is.
        may_write: Whether the configuration lets it be the writer, and nobody drains it.
    """

    name: str
    health: Health
    may_write: bool = True


@attrs.frozen(kw_only=True)
class Plan:
    """What is to be done.

    Attributes:
        writer: Who takes the writes; another one than before means a switch.
        hold: Why clients have to wait meanwhile; empty when they need not.
        alarms: What an operator has to know, in sentences.
        fence: Targets to be made read-only.
        again_at: When time alone changes the plan; None when it does not.
    """

    writer: str
    hold: str = ""
    alarms: tuple[str, ...] = ()
    fence: tuple[str, ...] = ()
    again_at: float | None = None


def plan(
    targets: Sequence[Candidate], writer: str, rules: Rules, switched_at: float, now: float
) -> Plan:
    """Decide.

    Args:
        targets: All that there are.
        writer: Who takes the writes by now.
        rules: What is wanted.
        switched_at: When that last changed, in seconds.
        now: The time.
    """
    current = next((one for one in targets if one.name == writer), None)
    others = [one for one in targets if one.name != writer]
    if not rules.moves and current is not None:
        return _with_hold(current, rules, now)
    able = [one for one in others if _takes_writes(one, rules, now)]
    if current is not None and _may_stay(current, able, rules, now):
        return _stay(current, able, rules, switched_at, now)
    return _move(
        current, able, writer, rules, max(switched_at + rules.min_switch_interval, 0), now
    )


def _takes_writes(one: Candidate, rules: Rules, now: float) -> bool:
    health = one.health
    return (
        one.may_write
        and health.is_writable
        and health.is_trusted
        and not health.blind
        and health.was_seen_within(rules.trust_seconds, now)
    )


def _takes_none(health: Health, rules: Rules, now: float) -> bool:
    """Whether it is known not to take writes.

    What traffic was told counts until a look that began later has seen otherwise.  While looks
    see nothing it counts for as long as one of them would, and then traffic may try again.
    """
    forgotten = health.blind and now - health.turned_away >= rules.trust_seconds
    return health.is_read_only and not forgotten


def _may_stay(current: Candidate, able: Sequence[Candidate], rules: Rules, now: float) -> bool:
    """Whether nothing says that the writer is another one by now."""
    health = current.health
    if not current.may_write and able:
        return False
    if health.condition is Condition.UNKNOWN:
        return True  # it is about to be looked at
    return health.is_usable and not _takes_none(health, rules, now)


def _stay(
    current: Candidate,
    able: Sequence[Candidate],
    rules: Rules,
    switched_at: float,
    now: float,
) -> Plan:
    decision = _with_hold(current, rules, now)
    # One that has just begun to take writes may do so in the place of the other, and what was
    # seen before a switch says nothing of the time behind it.
    seen_at = float("inf") if current.health.blind else current.health.seen_at
    able = [
        one
        for one in able
        if one.health.writable_since <= seen_at and one.health.seen_at >= switched_at
    ]
    if not able or rules.several_writers or decision.hold:
        # Who holds clients for its own sake may be about to be followed by one of the others.
        return decision
    names = ", ".join(one.name for one in able)
    alarm = f"{names} takes writes too, while {current.name} is the writer"
    return attrs.evolve(
        decision,
        alarms=(*decision.alarms, alarm),
        fence=tuple(
            one.name for one in able if rules.fences and _takes_writes(current, rules, now)
        ),
        hold=alarm if rules.refuses_split_brain else "",
    )


def _with_hold(current: Candidate, rules: Rules, now: float) -> Plan:
    """Keep the writer; clients wait where nobody knows whether it takes writes."""
    health, name, alarms = current.health, current.name, _blindness(current)
    if not health.is_trusted:
        return Plan(writer=name, hold=f"{name}: {health.why}", alarms=alarms)
    if _takes_none(health, rules, now):
        why = (health.seen.why if health.seen is not None else "") or health.why or "read-only"
        again_at = health.turned_away + rules.trust_seconds if health.blind else None
        hold = f"{name} takes no writes: {why}"
        return Plan(writer=name, hold=hold, alarms=alarms, again_at=again_at)
    if alarms:
        return Plan(writer=name, alarms=alarms)
    if not health.was_seen_within(rules.trust_seconds, now):
        return Plan(writer=name, hold=f"{name} was not seen for {rules.trust_seconds:g} s")
    return Plan(writer=name, again_at=health.seen_at + rules.trust_seconds)


def _blindness(current: Candidate) -> tuple[str, ...]:
    """The alarm where nobody can see whether the writer takes writes."""
    health = current.health
    lacks = health.blind
    if not lacks and health.seen is not None and health.seen.writable is None:
        lacks = ", ".join(health.seen.unseen) or "it does not say"
    if not lacks:
        return ()
    return (f"the monitor cannot see whether {current.name} takes writes: {lacks}",)


def _move(
    current: Candidate | None,
    able: Sequence[Candidate],
    writer: str,
    rules: Rules,
    not_before: float,
    now: float,
) -> Plan:
    """The writer is none any more: find another one."""
    why = _gone(current) if current is not None else f"{writer} is no target any more"
    if not able:
        return Plan(writer=writer, hold=f"{why}, and no other target takes writes")
    # Writers that are in step are taken in the same order by every proxy.
    best = able[0] if rules.several_writers else _most_advanced(able)
    if best is None:
        names = " and ".join(sorted(one.name for one in able))
        alarm = f"{names} take writes, and none is seen to have all that the others have"
        return Plan(writer=writer, hold=alarm, alarms=(alarm,))
    if now < not_before:
        hold = f"{why}; {best.name} takes over soon, as the writer has just changed"
        return Plan(writer=writer, hold=hold, again_at=not_before)
    if rules.several_writers:
        return Plan(writer=best.name)
    rest = tuple(one.name for one in able if one is not best)
    alarms = [*_losses(current, best)]
    if rest:
        alarms.append(f"{', '.join(rest)} takes writes too, and {best.name} goes before")
    return Plan(writer=best.name, alarms=tuple(alarms), fence=rest if rules.fences else ())


def _gone(current: Candidate) -> str:
    health = current.health
    if not current.may_write:
        return f"{current.name} is to take no writes"
    if health.is_read_only:
        return f"{current.name} takes no writes any more"
    return f"{current.name}: {health.why}"


def _losses(current: Candidate | None, best: Candidate) -> Iterable[str]:
    before = current.health.seen if current is not None else None
    seen = best.health.seen
    assert seen is not None
    if _is_replica(seen):
        yield f"{best.name} takes writes, and still replicates from {', '.join(seen.sources)}"
    had, has = before.position if before else None, seen.position
    if had is not None and has is not None and not has.contains(had):
        yield f"{best.name} lacks transactions that {current.name if current else ''} had"


def _most_advanced(able: Sequence[Candidate]) -> Candidate | None:
    """The one that has all that the others have; None when there is none.

    One that still replicates comes behind those that do not, and between equals the first one
    in the configuration is taken.
    """
    heads = [one for one in able if not _is_replica(one.health.seen)] or able
    if len(heads) == 1:
        return heads[0]
    for one in heads:
        if all(_has_all(one, other) for other in heads if other is not one):
            return one
    return None


def _is_replica(seen: Seen | None) -> bool:
    return seen is not None and bool(seen.sources) and seen.replicates is not False


def _has_all(one: Candidate, other: Candidate) -> bool:
    mine, its = _position(one), _position(other)
    return mine is not None and its is not None and mine.contains(its)


def _position(one: Candidate) -> Position | None:
    return one.health.seen.position if one.health.seen is not None else None
