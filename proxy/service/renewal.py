"""A proxy at work that goes by another configuration from one moment to the next."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from proxy.config.model import ProxyConfig, Target, TargetGroup
from proxy.config.pool import ConnectionPoolConfig
from proxy.failover import changing
from proxy.failover.ground import AnyRoute
from proxy.failover.sharing import NOBODY, close_off
from proxy.failover.steward import Steward
from proxy.net.certificates import TlsUnusableError
from proxy.pool.pool import TargetPool
from proxy.pool.route import Route
from proxy.service.assembly import AnyAssembly, Assembly, DistantAssembly, ServedAssembly
from proxy.service.materials import Materials
from proxy.service.tokens import UnusableError
from proxy.service.workshop import Workshop
from proxy.vocabulary import Role


def examine(assembly: AnyAssembly, fresh: Materials) -> None:
    """Look whether it can be done now; nothing that `renew` does fails then.

    Raises:
        UnusableError: it cannot; says why.
    """
    name = fresh.config.name
    if not isinstance(assembly, ServedAssembly):
        steward = assembly.steward
        order = steward.waits.order
        if order and steward.group != fresh.config.target_group:
            raise UnusableError(f"proxy {name}: its targets cannot change now: {order}")
    try:
        for target in _targets(assembly, fresh.config):
            fresh.backend_tls(target)
            fresh.token_giver(target)
    except TlsUnusableError as error:
        raise UnusableError(f"proxy {name}: {error}") from error


def renew(assembly: AnyAssembly, fresh: Materials) -> None:
    """Put these materials, and the configuration that they are of, in force.

    Their sources of users have been started.  Clients stay; `examine` comes before.
    """
    workshop = assembly.workshop
    before, directory = workshop.materials, workshop.directory
    users = {*before.users(), *fresh.users()}
    known = {user: directory.known(user) for user in users}
    workshop.materials = fresh
    directory.replace(fresh.sources, takes_all=fresh.takes_all)
    for source in before.living:
        if source not in fresh.living:
            source.stop()
    if isinstance(assembly, DistantAssembly):
        _renew_distant(assembly, before.config)
    else:
        _renew_near(assembly, before.config)
    workshop.means.changed(
        tuple(
            user
            for user in sorted(users)
            if known[user] is not None and known[user] != directory.known(user)
        )
    )


def _renew_near(assembly: Assembly | ServedAssembly, before: ProxyConfig) -> None:
    """What is in this process."""
    workshop, proxy = assembly.workshop, assembly.proxy
    fresh = workshop.materials
    proxy.admission.reconfigure(fresh.config, fresh.client_tls, fresh.verifier)
    routes = assembly.routes
    _renew_own_writes(workshop, routes[Role.READ_WRITE], routes[Role.READ_ONLY])
    _renew_pools(assembly, before)
    if isinstance(assembly, Assembly):
        _renew_course(assembly.steward, workshop, routes[Role.READ_ONLY], before)
    proxy.reconfigure(fresh.config, routes)


def _renew_distant(assembly: DistantAssembly, before: ProxyConfig) -> None:
    """What is decided for others, who have renewed what is theirs."""
    workshop, course = assembly.workshop, assembly.proxy.course
    readers, config = course.readers, workshop.materials.config
    if not config.target_group.failover.read_your_writes:
        readers.own_writes = None
    elif readers.own_writes is None:
        readers.own_writes = course.own_writes()
    _renew_course(assembly.steward, workshop, readers, before)
    guesses = assembly.memory.guesses
    guesses.change(config.failed_login_threshold, config.max_failed_login_delay)
    assembly.proxy.reconfigure(config)


def _renew_course(
    steward: Steward, workshop: Workshop, readers: AnyRoute, before: ProxyConfig
) -> None:
    """Who takes the writes, and who serves reads."""
    config = workshop.materials.config
    if _is_watched_otherwise(before, config):
        changing.reconfigure(steward, config.target_group, workshop.watching())
    else:
        steward.adopt(config.target_group, workshop.watching(), readers)


def _is_watched_otherwise(old: ProxyConfig, new: ProxyConfig) -> bool:
    """Whether targets are other ones, or are looked at in another way."""
    return _looks(old) != _looks(new)


def _looks(config: ProxyConfig) -> object:
    plain = attrs.evolve(config.target_group, connection_pool_config=ConnectionPoolConfig())
    return plain, _logins(config)


def _logins(config: ProxyConfig) -> object:
    """What the proxy logs in with where it has no passwords."""
    return config.default_auth_scheme, config.aws, config.role_arn, config.iam.region


def _renew_own_writes(workshop: Workshop, writers: Route, readers: Route) -> None:
    """Let sessions read what they wrote, or not any more."""
    failover = workshop.materials.config.target_group.failover
    own_writes = readers.own_writes
    if own_writes is None:
        writers.own_writes = readers.own_writes = workshop.own_writes(writers)
    elif failover.read_your_writes:
        own_writes.change_timeout(failover.read_your_writes_timeout)
    else:
        writers.own_writes = readers.own_writes = None
        own_writes.stop()


def _renew_pools(assembly: Assembly | ServedAssembly, old: ProxyConfig) -> None:
    """Let pools connect as it is wanted now; what has connected otherwise goes when free."""
    materials = assembly.workshop.materials
    new, used = materials.config, _used(assembly)
    wanted = _wanted(used, _chosen(assembly, new.target_group), new.target_group)
    for made_for, pool in assembly.proxy.pools.with_targets():
        if made_for.address == NOBODY.address:
            pool.reconfigure(new.target_group.connection_pool_config)
            close_off(pool)
            continue
        target = wanted.get(made_for.address, made_for)
        _renew_pool(pool, target, materials, new_logins=_logins(old) != _logins(new))
        before = used.get(made_for.address)
        if before is not None and _connecting(old, before) != _connecting(new, target):
            pool.retire_all()
        if isinstance(assembly, ServedAssembly):
            assembly.obeying.renew(target)


def _targets(assembly: AnyAssembly, new: ProxyConfig) -> list[Target]:
    """All targets that there are pools of, each as it will be.

    Also those that are not used any more, as they may be used again before the last of their
    clients has gone.
    """
    group = new.target_group
    wanted = _wanted(_used(assembly), _chosen(assembly, group), group)
    if isinstance(assembly, DistantAssembly):
        made_for = [pool.target for pool in assembly.proxy.pools]
    else:
        made_for = [target for target, _ in assembly.proxy.pools.with_targets()]
    return [wanted.get(one.address, one) for one in made_for if one.address != NOBODY.address]


def _used(assembly: AnyAssembly) -> Mapping[str, Target]:
    """The targets that are in use, by address."""
    if isinstance(assembly, ServedAssembly):
        return dict(assembly.obeying.targets)
    return {name: post.target for name, post in assembly.steward.posts.items()}


def _chosen(assembly: AnyAssembly, group: TargetGroup) -> tuple[Target, ...]:
    """The set of targets that is used by this group."""
    if not isinstance(assembly, ServedAssembly):
        return changing.chosen_set(assembly.steward, group)[1]
    # A worker has not been told which; all of it are in use.
    used = assembly.obeying.targets
    sets = (group.targets, *(one.targets for one in group.target_sets))
    return max(sets, key=lambda targets: sum(one.address in used for one in targets))


def _wanted(
    used: Mapping[str, Target], chosen: tuple[Target, ...], group: TargetGroup
) -> dict[str, Target]:
    """How targets will be, by address; the one of the chosen set where there are several."""
    others = (one for name in group.target_sets for one in name.targets)
    told = {one.address: one for one in (*others, *group.targets, *chosen)}
    return {**used, **told}


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
