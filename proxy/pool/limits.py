"""What a pool may use, by its configuration and by what the target allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from proxy.config.pool import ConnectionPoolConfig
from proxy.policy.lease import Limits
from proxy.policy.ledger import Ledger

CONNECTIONS_UNTIL_KNOWN: Final = 1
"""Backends that may be dialed before the target has told its own max_connections."""


def limits_of(config: ConnectionPoolConfig, max_connections: int | None) -> Limits:
    """The limits of a pool.

    Args:
        config: What is wanted.
        max_connections: The target's own limit; None while that is not known.
    """
    connections = idle = CONNECTIONS_UNTIL_KNOWN
    if max_connections is not None:
        connections = config.connection_limit(max_connections)
        idle = config.idle_limit(max_connections)
    return Limits(
        connections,
        idle,
        age=config.max_connection_age,
        waiting=config.max_waiting,
        waiting_bytes=config.max_waiting_bytes,
    )


def part_of(whole: Limits, connections: int) -> Limits:
    """The limits of a pool that may have so many of the connections.

    Of the idle ones, and of the dials at the same time, it may have in proportion; the former
    are rounded down, so that their sum over all pools is within the limit.
    """
    return attrs.evolve(
        whole,
        connections=connections,
        idle=whole.idle * connections // whole.connections,
        dialing=-(-whole.dialing * max(connections, 1) // whole.connections),
    )


class Allowance:
    """How much of its target one pool may use: everything, or the share of this process.

    Attributes:
        config: What is wanted.
        max_connections: The target's own limit, as a login or another process has told it; None
            while nobody has.
        whole: The limits of all pools of the target together.
        share: How many connections are this pool's; None for all.
        on_learned: Called when a login has told another limit of the target.
    """

    def __init__(self, ledger: Ledger, config: ConnectionPoolConfig) -> None:
        self._ledger = ledger
        self.config = config
        self.max_connections: int | None = None
        self.whole = ledger.limits
        self.share: int | None = None
        self.on_learned: Callable[[], None] | None = None
        self._rest_seconds: float | None = None

    def __repr__(self) -> str:
        """How much of how much."""
        share = "all" if self.share is None else self.share
        return f"<Allowance {share} of {self.whole.connections}>"

    def reconfigure(self, config: ConnectionPoolConfig) -> None:
        """Go by this from now on."""
        self.config = config
        self._change(self.max_connections)

    def learned(self, max_connections: int) -> None:
        """A login has told the target's own limit."""
        if max_connections != self.max_connections:
            self._change(max_connections)
            if self.on_learned is not None:
                self.on_learned()

    def learn(self, max_connections: int) -> None:
        """Another process has told it."""
        if max_connections != self.max_connections:
            self._change(max_connections)

    def cap(self, share: int) -> None:
        """Use no more connections than so many; leases above them go as they come free."""
        if share != self.share:
            self.share = share
            self._apply()

    def rest_no_longer(self, seconds: float) -> None:
        """Keep no connection that has been idle for so long, whatever else changes from now on.

        For a process whose clients go to another one, which opens connections of its own.
        """
        self._rest_seconds = seconds
        self._apply()

    def _change(self, max_connections: int | None) -> None:
        self.max_connections = max_connections
        self.whole = limits_of(self.config, max_connections)
        self._apply()

    def _apply(self) -> None:
        limits = self.whole if self.share is None else part_of(self.whole, self.share)
        if self._rest_seconds is not None:
            limits = attrs.evolve(limits, idle=0, idle_after=self._rest_seconds)
        self._ledger.change_limits(limits)
