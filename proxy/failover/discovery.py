"""Targets that other targets tell of, and addresses that lead to the same server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from proxy.config.address import TcpAddress, parse_address
from proxy.config.failover import Topology
from proxy.config.model import Target, TargetGroup
from proxy.failover.post import Post
from proxy.vocabulary import Role

MOST_TARGETS = 64
"""Servers of one group: Aurora has 16, Group Replication 9, and each costs looks."""


def found_by(post: Post, posts: Mapping[str, Post], group: TargetGroup) -> list[Target]:
    """Targets that are new, of those that this one has told of; they are reached as it is."""
    seen = post.health.seen
    if seen is None or not post.health.is_usable:
        return []
    fresh: list[Target] = []
    for member in seen.members:
        address = _address(member.address, post.target, group.failover.instance_host_pattern)
        if not member.online or address in posts or not _is_address(address):
            continue
        if len(posts) + len(fresh) >= MOST_TARGETS:
            break
        fresh.append(attrs.evolve(post.target, address=address, role=Role.READ_WRITE))
    return fresh


def _is_address(told: str) -> bool:
    """Whether it is one at all: a server may tell an empty host, or anything else."""
    try:
        return isinstance(parse_address(told), TcpAddress)
    except ValueError:
        return False


def _address(told: str, by: Target, pattern: str | None) -> str:
    """Where a member is: an Aurora instance has an identifier, and the port of its cluster."""
    if pattern is None:
        return told
    place = by.place
    port = place.port if isinstance(place, TcpAddress) else 3306
    return f"{pattern.replace('?', told.partition(':')[0])}:{port}"


def forgotten(posts: Mapping[str, Post], writer: str) -> list[str]:
    """Targets that were found, are not there, and of which nobody tells any more."""
    told = {
        member.address
        for post in posts.values()
        if post.health.is_usable and post.health.seen is not None
        for member in post.health.seen.members
    }
    return [
        name
        for name, post in posts.items()
        if post.found
        and name != writer
        and not post.health.is_usable
        and not post.is_doubtful
        and not any(_names(address, name) for address in told)
    ]


def _names(told: str, name: str) -> bool:
    """Whether a member of this address or identifier is that target."""
    return name == told or name.startswith(f"{told.partition(':')[0]}.")


def shadow(posts: Iterable[Post], writer: str, topology: Topology) -> None:
    """Of the addresses that lead to the same server use only one.

    The writer's stays.  On Aurora an instance's own comes before that of its cluster, which
    will be another instance's one day; elsewhere one from the configuration comes first.
    """
    by_server: dict[str, list[Post]] = {}
    for post in posts:
        post.shadowed = False
        seen = post.health.seen
        if seen is not None and seen.server and post.health.is_usable:
            by_server.setdefault(seen.server, []).append(post)
    prefers_found = topology is Topology.AURORA
    for same in by_server.values():
        same.sort(key=lambda one: (one.name != writer, one.found is not prefers_found))
        for post in same[1:]:
            post.shadowed = True
