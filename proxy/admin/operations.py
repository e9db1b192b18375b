"""What can be seen of a proxy and be done to it: the admin API asks, failover does it."""

from __future__ import annotations

from typing import Protocol

from proxy.policy.standing import ProxyStatus, TargetStatus


class Operations(Protocol):
    """One proxy, as operators have it at hand.

    A coroutine returns when what was asked for is so.  It is never cancelled: an operator who
    waits no longer only goes away.  Each method but the first two raises
    `OperationRefusedError` with the reason where it is not possible now, or any more.  Targets
    are given by their address as `targets` has it.
    """

    @property
    def name(self) -> str:
        """The name of the proxy."""

    def targets(self) -> list[TargetStatus]:
        """How its targets stand, in the order in which people should read them."""

    def status(self) -> ProxyStatus:
        """How it stands itself."""

    async def drain(self, target: str) -> None:
        """Let a target finish what runs and take nothing new; returns when nothing is lent."""

    def undrain(self, target: str) -> None:
        """Use a target again, also while it is being drained."""

    async def promote(self, target: str) -> None:
        """Make another target the writer; returns when it takes the writes."""

    async def pause(self) -> None:
        """Hold all clients between transactions; returns when no transaction is open."""

    def resume(self) -> None:
        """Let held clients go on, also while they are being paused."""

    async def switch(self, target_set: str) -> None:
        """Use another set of targets, all at once; returns when it is in use."""
