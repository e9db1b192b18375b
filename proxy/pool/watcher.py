"""Who wants to know what traffic shows of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from proxy.policy.observation import Failure

if TYPE_CHECKING:
    from proxy.pool.pool import TargetPool


class Watcher(Protocol):
    """Looks for the target that takes writes."""

    def trouble(self, pool: TargetPool, failure: Failure, why: str) -> bool:
        """Traffic has met trouble at the target of a pool.

        Returns:
            For `Failure.READ_ONLY`: whether a writer is being looked for, so that those who
            need one should wait, in the queue of the pool that serves them then.
        """
