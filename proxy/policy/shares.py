"""How the connections to one target are shared by the pools of several processes.

There are no fixed parts.  A pool that needs places gets what is free at once; then what others
do not use; then, what is above the part of others that goes by how many clients they have, as
it comes free; and where somebody waits for much longer than elsewhere, it is his turn.

`Holder.plan` is what was decided, and the sum of the plans is never more than the limit.  What
pools may have open follows as places are given back: the sum of that, and of what dead ones may
have left behind, never grows beyond the limit either.
"""

from __future__ import annotations

from typing import Final

from proxy.policy.needs import SMOOTH_SECONDS, Holder, Need

PLACES_UNTIL_KNOWN: Final = 1
"""As in a single process: connections before the target has told its own limit."""

DEATH_SECONDS: Final = 0.25
"""The connections of a process that died count for so much longer: the target has to notice."""

TURN_SECONDS: Final = 0.25
"""First come, first served, up to this difference: a turn costs a close and a login, which are
some milliseconds, so that turns cost a few per cent at most."""

STUCK_SECONDS: Final = 1.0
"""For so long a pool is not asked again that had nothing that came free within a turn."""

CALM_SECONDS: Final = 0.5
"""Pools are watched for so long after the last one was short, as the next may be soon."""

_BAND: Final = 8
"""A pool that lacks less than one in so many of its part is left with what it has: what pools
need goes up and down by as much from one moment to the next."""


class Shares:
    """See the module.  Times are arguments, in seconds of one clock that never goes back.

    Attributes:
        limit: The most connections of all together; None while the target has not told it.
        holders: The pools, in the order in which they joined.
        is_watched: Whether pools are to say at short intervals how they stand.
    """

    def __init__(self) -> None:
        self.limit: int | None = None
        self.holders: list[Holder] = []
        self.is_watched = False
        self._dead: list[tuple[float, int]] = []
        self._tense_since: float | None = None
        self._tense_at = 0.0

    def __repr__(self) -> str:
        """What each may have, and what the dead count for."""
        shares = ", ".join(f"{one.share} of {one.plan}" for one in self.holders)
        return f"<Shares {shares or 'of nobody'}; {self._left_behind} dead; {self.places}>"

    @property
    def places(self) -> int:
        """How many connections there may be."""
        return PLACES_UNTIL_KNOWN if self.limit is None else self.limit

    @property
    def needs_time(self) -> bool:
        """Whether `decide` has to be called again although nobody says anything."""
        return self.is_watched or bool(self._dead)

    @property
    def _left_behind(self) -> int:
        return sum(count for _, count in self._dead)

    def join(self) -> Holder:
        """A new pool, which has nothing."""
        holder = Holder()
        self.holders.append(holder)
        return holder

    def leave(self, holder: Holder) -> None:
        """A pool has closed all it had."""
        self.holders.remove(holder)

    def die(self, holder: Holder, now: float) -> None:
        """The process of a pool is gone, whatever it had open."""
        self.holders.remove(holder)
        if holder.share:
            self._dead.append((now + DEATH_SECONDS, holder.share))

    def hear(self, holder: Holder, need: Need, now: float) -> bool:
        """A pool has said how it stands; whether to `decide` at once."""
        return holder.hear(need, now)

    def decide(self, now: float) -> None:
        """Plan anew, and grant what is free; each holder says then what is to be told to it."""
        self._dead = [one for one in self._dead if one[0] > now]
        self._fit()
        self._undo()
        self._relieve(now)
        short = sorted(
            (one for one in self.holders if one.want), key=lambda one: one.waits_since(now)
        )
        self._hand_out(short)
        self._take_spare(short)
        self._begin(short, now)
        self._even_out(short, now)
        self._take_turns(short, now)
        self._grant(now)
        self._look(now)

    def _fit(self) -> None:
        """Plan for no more than there is: the limit may be lower than it was."""
        for _ in range(sum(one.plan for one in self.holders) - self.places):
            having = [one for one in self.holders if one.plan]
            max(having, key=lambda one: one.plan - one.need.load).plan -= 1

    def _undo(self) -> None:
        """Let those keep what they owe for whom it is meant does not need any more."""
        for taker in self.holders:
            surplus = min(taker.lacks, taker.plan - taker.need.peak)
            for giver in self.holders:
                count = min(giver.owed, surplus)
                if count > 0:
                    _move(taker, giver, count)
                    surplus -= count

    def _relieve(self, now: float) -> None:
        """Ask somebody else for what nobody gives back, as it is in use for long."""
        for stuck in self.holders:
            if stuck.owes_since is None or now - stuck.owes_since <= TURN_SECONDS:
                continue
            stuck.stuck_until = now + STUCK_SECONDS
            taker = max(self.holders, key=lambda one: one.lacks)
            others = [one for one in self._givers(now) if not (one.owed or one.lacks)]
            giver = max(others, key=lambda one: one.plan, default=None)
            if giver and taker.lacks and (giver.plan > taker.share + 1 or not taker.share):
                _move(giver, stuck, 1)

    def _hand_out(self, short: list[Holder]) -> None:
        """Plan what nobody has, in turns, the longest wait first."""
        left = self.places - sum(one.plan for one in self.holders)
        while left > 0 and (wanting := [one for one in short if one.want]):
            for holder in wanting[:left]:
                holder.plan += 1
            left -= min(left, len(wanting))

    def _take_spare(self, short: list[Holder]) -> None:
        """Take what others do not use."""
        for taker in short:
            for giver in sorted(self.holders, key=self._available, reverse=True):
                count = min(self._available(giver), taker.want)
                if giver is not taker and count > 0:
                    _move(giver, taker, count)

    def _available(self, giver: Holder) -> int:
        """What can be taken from a pool without anybody noticing."""
        return min(giver.spare, giver.plan - self._kept_by(giver))

    def _kept_by(self, giver: Holder) -> int:
        """What a pool keeps, as it is in use, however little it needs of late."""
        return int(giver.need.is_fresh and self.places >= 2 * len(self.holders))

    def _begin(self, short: list[Holder], now: float) -> None:
        """Let nobody be without, as long as others have more than one."""
        for taker in short:
            giver = max(self._givers(now), key=lambda one: one.plan, default=taker)
            if not taker.plan and taker.want and giver.plan > 1:
                _move(giver, taker, 1)

    def _even_out(self, short: list[Holder], now: float) -> None:
        """Give each pool its part: as much for each of its clients as elsewhere."""
        whole = sum(one.usual for one in self.holders)
        # What was heard before anybody was short is too old to go by.
        if self._tense_since is None or now - self._tense_since < SMOOTH_SECONDS or not whole:
            return

        def above(one: Holder) -> float:
            return one.plan - self.places * one.usual / whole

        for taker in short:
            while givers := self._givers(now):
                giver, gap = max(givers, key=above), -above(taker)
                most = min(taker.want, giver.plan - self._kept_by(giver))
                count = int(min(gap, above(giver), most))
                if count < 1 or gap < (taker.plan + gap) / _BAND:
                    break
                _move(giver, taker, count)

    def _take_turns(self, short: list[Holder], now: float) -> None:
        """Serve who has waited for much longer than whoever waits elsewhere."""
        for taker in short:
            began = max(taker.waits_since(now), taker.turned_at)
            if not taker.want or taker.lacks or now - began <= TURN_SECONDS:
                continue
            others = [one for one in self._givers(now) if one is not taker and not one.owed]
            giver = max(others, key=lambda one: (one.waits_since(now), one.plan), default=taker)
            if giver.waits_since(now) - taker.waits_since(now) > TURN_SECONDS:
                _move(giver, taker, 1)
                taker.turned_at = now

    def _givers(self, now: float) -> list[Holder]:
        """Who has something that may come free before long."""
        return [one for one in self.holders if one.plan and now >= one.stuck_until]

    def _grant(self, now: float) -> None:
        """Let pools have what was planned, as far as it is free."""
        free = self.places - self._left_behind - sum(one.share for one in self.holders)
        for holder in sorted(self.holders, key=lambda one: one.waits_since(now)):
            count = min(holder.lacks, max(free, 0))
            holder.granted += count
            free -= count
            holder.note_debt(now)

    def _look(self, now: float) -> None:
        """See whether anybody is short still."""
        if any(one.want or one.owed or one.lacks for one in self.holders):
            self._tense_at = now
            if self._tense_since is None:
                self._tense_since = now
                for holder in self.holders:
                    holder.average = None
        elif now - self._tense_at >= CALM_SECONDS:
            self._tense_since = None
        self.is_watched = self._tense_since is not None


def _move(giver: Holder, taker: Holder, count: int) -> None:
    giver.plan -= count
    taker.plan += count
