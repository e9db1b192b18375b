"""A proxy at work that goes by another configuration from one moment to the next."""

from __future__ import annotations

import attrs

from proxy.config.model import ProxyConfig, Target
from proxy.config.pool import ConnectionPoolConfig
from proxy.failover import changing
from proxy.failover.sharing import NOBODY
from proxy.net.certificates import TlsUnusableError
from proxy.pool.pool import TargetPool
from proxy.service.assembly import Assembly
from proxy.service.materials import Materials
from proxy.service.tokens import UnusableError
from proxy.vocabulary import Role


def examine(assembly: Assembly, fresh: Materials) -> None:
    """Look whether it can be done now; nothing that `renew` does fails then.

    Raises:
        UnusableError: it cannot; says why.
    """
    name, order = assembly.proxy.config.name, assembly.steward.waits.order
    if order and assembly.steward.group != fresh.config.target_group:
        raise UnusableError(f"proxy {name}: its targets cannot change now: {order}")
    try:
        for target, _ in _pools(assembly, fresh.config):
            fresh.backend_tls(target)
            fresh.token_giver(target)
    except TlsUnusableError as error:
        raise UnusableError(f"proxy {name}: {error}") from error


def renew(assembly: Assembly, fresh: Materials) -> None:
    """Put these materials, and the configuration that they are of, in force.

    Their sources of users have been started.  Clients stay; `examine` comes before.
    """
    workshop, steward, proxy = assembly.workshop, assembly.steward, assembly.proxy
    before, directory, config = workshop.materials, workshop.directory, fresh.config
    users = {*before.users(), *fresh.users()}
    known = {user: directory.known(user) for user in users}
    workshop.materials = fresh
    directory.replace(fresh.sources, takes_all=fresh.takes_all)
    for source in before.living:
        if source not in fresh.living:
            source.stop()
    proxy.admission.reconfigure(config, fresh.client_tls, fresh.verifier)
    _renew_own_writes(assembly)
    _renew_pools(assembly, before.config)
    writers, readers = steward.writers, steward.sharing.route
    if _is_watched_otherwise(before.config, config):
        changing.reconfigure(steward, config.target_group, workshop.watching())
    else:
        steward.adopt(config.target_group, workshop.watching(), readers)
    proxy.reconfigure(config, {Role.READ_WRITE: writers, Role.READ_ONLY: readers})
    workshop.means.changed(
        tuple(
            user
            for user in sorted(users)
            if known[user] is not None and known[user] != directory.known(user)
        )
    )


def _is_watched_otherwise(old: ProxyConfig, new: ProxyConfig) -> bool:
    """Whether targets are other ones, or are looked at in another way."""
    return _looks(old) != _looks(new)


def _looks(config: ProxyConfig) -> object:
    plain = attrs.evolve(config.target_group, connection_pool_config=ConnectionPoolConfig())
    return plain, _logins(config)


def _logins(config: ProxyConfig) -> object:
    """What the proxy logs in with where it has no passwords."""
    return config.default_auth_scheme, config.aws, config.role_arn, config.iam.region


def _renew_own_writes(assembly: Assembly) -> None:
    """Let sessions read what they wrote, or not any more."""
    workshop, steward = assembly.workshop, assembly.steward
    failover = workshop.materials.config.target_group.failover
    writers, readers = steward.writers, steward.sharing.route
    own_writes = readers.own_writes
    if own_writes is None:
        writers.own_writes = readers.own_writes = workshop.own_writes(writers)
    elif failover.read_your_writes:
        own_writes.change_timeout(failover.read_your_writes_timeout)
    else:
        writers.own_writes = readers.own_writes = None
        own_writes.stop()


def _renew_pools(assembly: Assembly, old: ProxyConfig) -> None:
    """Let pools connect as it is wanted now; what has connected otherwise goes when free."""
    steward, materials = assembly.steward, assembly.workshop.materials
    new = materials.config
    for target, pool in _pools(assembly, new):
        post = steward.posts.get(target.address)
        _renew_pool(pool, target, materials, new_logins=_logins(old) != _logins(new))
        if post is not None and _connecting(old, post.target) != _connecting(new, target):
            pool.retire_all()
    room = steward.sharing.room
    if room is not None:
        room.reconfigure(new.target_group.connection_pool_config)


def _pools(assembly: Assembly, new: ProxyConfig) -> list[tuple[Target, TargetPool]]:
    """All pools, each with its target as it will be.

    Also those of targets that are not used any more, as they may be used again before the last
    of their clients has gone.
    """
    steward, group = assembly.steward, new.target_group
    _, chosen = changing.chosen_set(steward, group)
    others = (one for name in group.target_sets for one in name.targets)
    wanted = {one.address: one for one in (*others, *group.targets, *chosen)}
    pools = []
    for made_for, pool in assembly.proxy.pools.with_targets():
        post = steward.posts.get(made_for.address)
        if made_for is not NOBODY:
            known = made_for if post is None else post.target
            pools.append((wanted.get(made_for.address, known), pool))
    return pools


def _connecting(config: ProxyConfig, target: Target) -> object:
    """What connections to a target are made by."""
    group = config.target_group
    return (
        group.tls,
        group.connection_pool_config.init_query,
        group.failover.read_your_writes,
        target.tls_server_name,
        target.proxy_protocol,
    )


def _renew_pool(
    pool: TargetPool, target: Target, materials: Materials, *, new_logins: bool
) -> None:
    group = materials.config.target_group
    config, dialer = group.connection_pool_config, pool.dialer
    tls, announces = materials.backend_tls(target), target.proxy_protocol
    dialer.connector.reconfigure(config.connect_timeout, tls, announces=announces)
    dialer.reconfigure(config.init_query, reports_commits=group.failover.read_your_writes)
    if new_logins:
        pool.accounts.tokens = materials.token_giver(target)
    pool.reconfigure(config)
