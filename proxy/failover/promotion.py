"""Making a replica the writer, by orders to both servers and without losing a transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from proxy.config.address import TcpAddress
from proxy.errors import BackendLostError
from proxy.failover.orders import Session, session
from proxy.failover.post import Post
from proxy.failover.steward import Steward
from proxy.policy.standing import OperationRefusedError

CATCH_UP_SECONDS = 30.0
"""How long the replica may take to get the last transactions.  Clients wait meanwhile, and one
that is farther behind should not have been chosen."""


async def promote_replica(steward: Steward, post: Post) -> None:
    """Make the writer read-only, wait for the replica, let that take writes.

    Where something fails the replica goes on as one, and the writer takes writes again, if it
    did.  `rearrange` comes afterwards, when clients need not wait for it.

    Raises:
        OperationRefusedError: it is not possible; all is as before.
        BackendLostError: a server is lost meanwhile.
    """
    old = steward.posts[steward.writer]
    wrote = not old.health.is_read_only
    async with session(post, steward.clock) as new, session(old, steward.clock) as before:
        try:
            await before.set_read_only(on=True)
            old.health.turn_away("it was made read-only", steward.clock.seconds())
            old.monitor.look_soon()
            await _take_over(steward, post, new, await before.position())
        except Exception:
            if wrote:
                await _undo(steward, old, lambda orders: orders.set_read_only(on=False))
            raise


async def _take_over(steward: Steward, post: Post, new: Session, position: str) -> None:
    if not await new.wait_for(position, CATCH_UP_SECONDS):
        raise OperationRefusedError(
            f"{post.name} did not get all transactions within {CATCH_UP_SECONDS:g} s"
        )
    try:
        await new.set_following(on=False)
        await new.set_read_only(on=False)
    except Exception:
        # Before the old one takes writes again, as this one may do so by now.
        await _undo(steward, post, lambda orders: orders.set_read_only(on=True))
        await _undo(steward, post, lambda orders: orders.set_following(on=True))
        raise


async def _undo(
    steward: Steward, post: Post, order: Callable[[Session], Awaitable[None]]
) -> None:
    """Take an order back, over another connection: the one before may be what was lost."""
    try:
        async with session(post, steward.clock) as orders:
            await order(orders)
    except BackendLostError as error:
        steward.log.warning(
            "a promotion failed, and a target could not be made what it was before",
            target=post.name,
            why=str(error),
        )


async def rearrange(steward: Steward, post: Post, before: str) -> None:
    """Let other replicas follow the new writer, and itself nobody, also when it starts anew.

    The one before has to be told to follow by whoever knows the password for that.
    """
    await _forget_source(steward, post)
    for other in [*steward.posts.values()]:
        if other is not post and other.name != before:
            await _follow(steward, other, post)


async def _forget_source(steward: Steward, post: Post) -> None:
    try:
        async with session(post, steward.clock) as orders:
            await orders.follow_nobody()
    except BackendLostError as error:
        steward.log.warning(
            "the new writer is still set up as a replica", target=post.name, why=str(error)
        )


async def _follow(steward: Steward, replica: Post, writer: Post) -> None:
    """Let another replica follow the new writer, as it has followed the old one."""
    seen, place = replica.health.seen, writer.target.place
    if seen is None or not seen.sources or not isinstance(place, TcpAddress):
        return
    try:
        async with session(replica, steward.clock) as orders:
            await orders.follow(place.host, place.port)
    except BackendLostError as error:
        steward.log.warning(
            "a replica could not be told to follow the new writer",
            target=replica.name,
            why=str(error),
        )
