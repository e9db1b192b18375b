"""Making a replica the writer, by orders to both servers and without losing a transaction."""

from __future__ import annotations

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

    Where something fails the writer takes writes again.  Other replicas follow the new writer;
    the old one has to be told by whoever knows the password for that.

    Raises:
        OperationRefusedError: it is not possible; all is as before.
        BackendLostError: a server is lost meanwhile.
    """
    seen = post.health.seen
    if seen is None or not seen.sources:
        raise OperationRefusedError(f"{post.name} replicates from nobody")
    old = steward.posts[steward.writer]
    async with session(post, steward.clock) as new, session(old, steward.clock) as before:
        await before.set_read_only(on=True)
        try:
            await _take_over(post, new, await before.position())
        except BaseException:
            await before.set_read_only(on=False)
            raise
    for other in [*steward.posts.values()]:
        if other is not post and other is not old:
            await _follow(steward, other, post)


async def _take_over(post: Post, new: Session, position: str) -> None:
    if not await new.wait_for(position, CATCH_UP_SECONDS):
        raise OperationRefusedError(
            f"{post.name} did not get all transactions within {CATCH_UP_SECONDS:g} s"
        )
    await new.stop_following()
    await new.set_read_only(on=False)


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
