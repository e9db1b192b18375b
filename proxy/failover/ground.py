"""What failover needs of pools and routes, be they of this process or of its workers.

`proxy.pool` has them for one process; `proxy.failover.distant` has those of a supervisor, whose
workers do what is done to them.  A steward has all of the one kind or all of the other, which
is why `Any` stands for a pool where one is handed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sized
from typing import Any, Protocol

from proxy.config.model import Target
from proxy.policy.gtids import Position
from proxy.pool.watcher import Watcher


class AnyLedger(Protocol):
    """How a pool stands."""

    @property
    def held(self) -> bool:
        """Whether nothing is lent."""

    @property
    def waiting(self) -> Sized:
        """Who waits."""

    @property
    def borrowed(self) -> int:
        """Backends that clients have."""

    @property
    def total(self) -> int:
        """All backends."""


class AnyOpening(Protocol):
    """How the last dials went."""

    @property
    def last_failure(self) -> str:
        """Why the last one failed; empty when it did not."""

    @property
    def answers(self) -> bool:
        """Whether the target answered."""


class AnyPool(Protocol):
    """The pool of a target."""

    watcher: Watcher | None

    @property
    def ledger(self) -> AnyLedger:
        """How it stands."""

    @property
    def opening(self) -> AnyOpening:
        """How its last dials went."""

    @property
    def facts(self) -> object | None:
        """What is known of the target; None before the first login."""

    def hold(self) -> None:
        """Lend nothing."""

    def release(self) -> None:
        """Lend again."""

    def retire_all(self) -> None:
        """Begin a new generation."""

    def cut_off(self, why: str) -> None:
        """Close what is left of older generations."""


class AnyPools(Protocol):
    """The pools of a proxy."""

    def __iter__(self) -> Iterator[AnyPool]: ...

    def get(self, target: Target) -> AnyPool:
        """The pool of a target."""

    def forget(self, target: Target) -> None:
        """A target is used no more."""


class AnyOwnWrites(Protocol):
    """Who knows what users have written, and which reader has it by now."""

    def saw(self, pool: Any, position: Position | None) -> None:
        """A look has shown what a target has."""

    def forget(self, pool: Any) -> None:
        """A reader serves no more."""

    def writer_changed(self, position: Position | None) -> None:
        """Another target takes the writes."""

    def stop(self) -> None:
        """Wait for nobody any more."""


class AnyRoute(Protocol):
    """From which pools the clients of a role are served."""

    @property
    def pool(self) -> AnyPool:
        """The pool that serves, or the first of several."""

    @property
    def pools(self) -> tuple[AnyPool, ...]:
        """Which serve by now."""

    @property
    def own_writes(self) -> AnyOwnWrites | None:
        """Who knows what users have written; None for nobody."""

    def serve_by(self, shares: Mapping[Any, float]) -> None:
        """From now on these pools serve."""

    def balance(self) -> None:
        """Move clients to where there are fewer."""
