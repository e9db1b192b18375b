"""What came of the show: figures, sentences, and what was not as it should be."""

from __future__ import annotations

import enum
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import attrs

from proxy.cli.crowd import ROLLED_BACK, STATEMENTS, UNKNOWN, Audit, Record


class Scene(enum.Enum):
    """The parts of the show; the value is their name in the table."""

    CALM = "undisturbed"
    ROTATION = "password changed"
    SWITCHOVER = "planned switchover"
    CRASH = "writer killed"


_MEANINGS = {
    ROLLED_BACK: "its transaction was rolled back, and run again",
    UNKNOWN: "its COMMIT was under way, and it looked whether that was done",
}


@attrs.frozen
class Act:
    """One part of the show, as it was.

    Attributes:
        scene: Which one.
        began: In seconds of the monotonic clock.
        ended: The same.
        seconds: What was done took so long: the promotion by the proxy, or the time from the
            kill until another server took writes; 0 where nothing like that was done.
        renewed: Connections that were opened anew.
    """

    scene: Scene
    began: float
    ended: float
    seconds: float = 0.0
    renewed: int = 0


@attrs.frozen
class _Figures:
    """What clients met during an act."""

    transactions: int
    errors: Counter[str]
    unlucky: int
    longest_wait: float
    longest_gap: float


@attrs.frozen
class Report:
    """What is said in the end.

    Attributes:
        acts: What was shown, in its order.
        records: What each client has met.
        audit: What the database has.
        connections: How many the proxy may have to a server.
        most: The most that it had to any.
    """

    acts: Sequence[Act]
    records: Sequence[Record]
    audit: Audit
    connections: int
    most: int

    @property
    def faults(self) -> list[str]:
        """What should not have happened; nothing where all went well."""
        return [*self._faults()]

    @property
    def text(self) -> str:
        """All of it."""
        parts = [self._first(), self._table(), *self._sentences()]
        parts += [f"NOT AS IT SHOULD BE: {fault}" for fault in self.faults]
        return "\n".join(parts)

    def _first(self) -> str:
        done = sum(len(record.done) for record in self.records)
        took = self.acts[-1].ended - self.acts[0].began
        return (
            f"{len(self.records)} clients ran {done} transactions of {STATEMENTS} statements "
            f"in {took:.1f} s ({done / took:.0f}/s),\n"
            f"on at most {self.most} connections to a database.\n"
        )

    def _table(self) -> str:
        rows = [("", "transactions", "errors", "longest wait", "no commit for")]
        for act in self.acts:
            met = self._figures(act)
            errors = [f"{count} x {kind}" for kind, count in sorted(met.errors.items())]
            rows.append(
                (
                    act.scene.value,
                    f"{met.transactions}",
                    ", ".join(errors) or "none",
                    f"{met.longest_wait:.2f} s",
                    f"{met.longest_gap:.2f} s",
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in rows
        ) + (
            "\n(The longest wait is that of one client for one transaction, its turn among the "
            "others\nand its second try included; no commit for: the longest time without one "
            "by anybody.)\n"
        )

    def _sentences(self) -> Iterator[str]:
        for act in self.acts:
            met = self._figures(act)
            if act.scene is Scene.ROTATION:
                noticed = "no client noticed" if not met.errors else "clients heard errors"
                yield (
                    "In the middle of it the password of the database was changed by way of "
                    f"Secrets Manager;\n{act.renewed} connections were opened anew with it, "
                    f"and {noticed}."
                )
            elif act.scene is Scene.SWITCHOVER:
                heard = f"{met.errors.total()} errors" if met.errors else "no error"
                yield (
                    f"The replica was made the writer by the proxy in {act.seconds:.2f} s, and "
                    f"clients heard {heard}."
                )
            elif act.scene is Scene.CRASH:
                yield from self._crash(act, met)
        if self.audit.is_clean:
            yield (
                f"Not a coin was lost: all {self.audit.coins} are there, and so is each "
                "transaction that was acknowledged, once."
            )

    def _crash(self, act: Act, met: _Figures) -> Iterator[str]:
        yield (
            f"The writer was killed by SIGKILL. A script had promoted the other server "
            f"{act.seconds:.2f} s later, and nobody\ncommitted for {met.longest_gap:.2f} s."
        )
        yield (
            f"{met.unlucky} clients were in a transaction and heard an error; the other "
            f"{len(self.records) - met.unlucky} noticed nothing but the wait:"
        )
        for kind, count in sorted(met.errors.items()):
            yield f"  {count} x {kind}: {_MEANINGS.get(kind, 'an error')}"

    def _faults(self) -> Iterator[str]:
        gone = [record.gone for record in self.records if record.gone]
        if gone:
            yield f"{len(gone)} clients did not go on; of the first one: {gone[0]}"
        for act in self.acts:
            yield from self._faults_of(act)
        # A changed password is tried out over one connection beside those of the pool.
        if self.most > self.connections + 1:
            yield f"{self.most} connections to a database, and not {self.connections} at most"
        yield from self._missing()

    def _faults_of(self, act: Act) -> Iterator[str]:
        met = self._figures(act)
        if act.scene is not Scene.CRASH:
            if met.errors:
                yield f"errors where there should be none ({act.scene.value})"
            return
        if met.errors.total() > met.unlucky:
            yield "a client heard more than one error"
        if met.unlucky > self.connections:
            yield (
                f"{met.unlucky} clients heard an error, and only {self.connections} can have "
                "been in a transaction"
            )

    def _missing(self) -> Iterator[str]:
        audit = self.audit
        if audit.coins != audit.expected_coins:
            yield f"there are {audit.coins} coins and not {audit.expected_coins}"
        if audit.lost:
            yield f"{audit.lost} transactions were acknowledged, and are not there"
        if audit.twice:
            yield f"{audit.twice} transactions are there of which no client knows"

    def _figures(self, act: Act) -> _Figures:
        """Of what ended during the act; what outlasted the last one counts as its own."""
        until = float("inf") if act is self.acts[-1] else act.ended
        ended, waits = [act.began], [0.0]
        errors: Counter[str] = Counter()
        unlucky = 0
        for record in self.records:
            for done in record.done:
                if act.began <= done.ended < until:
                    ended.append(done.ended)
                    waits.append(done.ended - done.began)
            heard = [loss.kind for loss in record.losses if act.began <= loss.at < until]
            errors.update(heard)
            unlucky += bool(heard)
        return _Figures(
            len(ended) - 1, errors, unlucky, max(waits), _longest_gap(sorted(ended))
        )


def _longest_gap(times: Iterable[float]) -> float:
    return max((after - before for before, after in itertools.pairwise(times)), default=0.0)
