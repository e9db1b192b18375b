"""Which targets are looked at quickly."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.failover.post import Post
from proxy.failover.waits import Waits

HASTE_SECONDS = 60.0
"""How long a search for a writer is hasty; whoever is away for longer is looked for calmly."""


def set_pace(posts: Mapping[str, Post], writer: str, waits: Waits, now: float) -> None:
    """Hurry where something is in doubt: all targets while a writer is searched, else one."""
    post = posts.get(writer)
    searching = waits.for_writer or (post is not None and post.is_doubtful)
    for one in posts.values():
        since = one.health.since if one.is_doubtful else waits.sought_since
        began = max(since, waits.sought_since)
        hasty = (searching or one.is_doubtful) and now - began <= HASTE_SECONDS
        one.monitor.hurry(hasty=hasty)
