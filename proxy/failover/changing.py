"""Another configuration of the targets, taken up by the steward while clients are at work."""

from __future__ import annotations

from proxy.config.failover import Topology
from proxy.config.model import DEFAULT_TARGET_SET, Target, TargetGroup
from proxy.failover.post import Watch
from proxy.failover.steward import Steward
from proxy.policy.health import Health
from proxy.policy.readers import Reader


def reconfigure(steward: Steward, group: TargetGroup, watch: Watch) -> None:
    """Go by this group from now on.

    Targets that stay keep what is known of them, as long as the topology stays; who the writer
    is, if it is not known, comes out of the next looks.  The steward is not stopped.

    Args:
        steward: Who takes it up.
        group: What is wanted.
        watch: Makes monitors for it.
    """
    before = steward.group
    chosen, targets = chosen_set(steward, group)
    same_kind = before.topology is group.topology
    known = same_kind and chosen == steward.target_set
    found = [
        name
        for name, post in steward.posts.items()
        if post.found and known and group.failover.discover
    ]
    steward.adopt(group, watch, steward.sharing.route)
    if not same_kind:
        _forget_looks(steward)
    steward.use_set(chosen, targets, _writer(steward, targets, found, known=known), found)
    _look_anew(steward)
    steward.start()
    steward.review()


def chosen_set(steward: Steward, group: TargetGroup) -> tuple[str, tuple[Target, ...]]:
    """Which set of targets is used by this group: the same as now, where there is one."""
    sets = {one.name: one.targets for one in group.target_sets}
    if steward.target_set in sets:
        return steward.target_set, sets[steward.target_set]
    return DEFAULT_TARGET_SET, group.targets


def _writer(
    steward: Steward, targets: tuple[Target, ...], found: list[str], *, known: bool
) -> str | None:
    """Who goes on to take the writes; None where the configuration or a look says it."""
    names = {*found, *(one.address for one in targets)}
    is_fixed = steward.group.topology is Topology.STATIC
    return steward.writer if known and not is_fixed and steward.writer in names else None


def _forget_looks(steward: Steward) -> None:
    """What one kind of topology shows of a target says nothing to another one."""
    for post in steward.posts.values():
        post.health = Health(steward.patience, steward.clock.seconds())
        post.reader = Reader(post.name, post.health)


def _look_anew(steward: Steward) -> None:
    """Let others look, by what the configuration says now."""
    for post in steward.posts.values():
        post.monitor.stop()
        post.pool.watcher = steward if steward.watches else None
        post.health.patience = steward.patience
        post.monitor, post.log_in = steward.eyes(post.target)
