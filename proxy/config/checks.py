"""Rules that look at several settings at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxy.config.model import (
    AuthEntry,
    Config,
    ConnectionPoolConfig,
    EndpointConfig,
    ProxyConfig,
    Target,
)
from proxy.config.problem import KeyPath
from proxy.vocabulary import Role

Finding = tuple[KeyPath, str]

_PASSWORD_SOURCES = ("password", "password_file", "password_env")
_NO_READERS = "READ_ONLY comes with failover; until then everything here is READ_WRITE"


def find_faults(config: Config) -> Iterator[Finding]:
    """Say what does not go together, each with the path of the setting to change."""
    if not config.proxies:
        yield ("proxies",), "needs at least one proxy"
    yield from _repeated(
        ((("proxies", i, "name"), p.name) for i, p in enumerate(config.proxies))
    )
    yield from _repeated(
        (("proxies", i, "endpoints", j, "listen"), endpoint.listen)
        for i, proxy in enumerate(config.proxies)
        for j, endpoint in enumerate(proxy.endpoints)
    )
    for i, proxy in enumerate(config.proxies):
        yield from _in_proxy(proxy, ("proxies", i))


def _in_proxy(proxy: ProxyConfig, path: KeyPath) -> Iterator[Finding]:
    yield from _in_auth(proxy.auth, (*path, "auth"))
    yield from _in_endpoints(proxy.endpoints, (*path, "endpoints"))
    group = (*path, "target_group")
    yield from _in_targets(proxy.target_group.targets, (*group, "targets"))
    yield from _in_pool(
        proxy.target_group.connection_pool_config, (*group, "connection_pool_config")
    )


def _in_auth(auth: tuple[AuthEntry, ...], path: KeyPath) -> Iterator[Finding]:
    if not auth:
        yield path, "needs at least one user"
    yield from _repeated(((*path, i, "username"), e.username) for i, e in enumerate(auth))
    for i, entry in enumerate(auth):
        given = [name for name in _PASSWORD_SOURCES if getattr(entry, name) is not None]
        if not given:
            yield (*path, i), f"needs one of {', '.join(_PASSWORD_SOURCES)}"
        elif len(given) > 1:
            yield (*path, i, given[1]), f"cannot stand beside {given[0]}: give one of the two"


def _in_endpoints(endpoints: tuple[EndpointConfig, ...], path: KeyPath) -> Iterator[Finding]:
    if not endpoints:
        yield path, "needs at least one endpoint"
    yield from _repeated(((*path, i, "name"), e.name) for i, e in enumerate(endpoints))
    for i, endpoint in enumerate(endpoints):
        if endpoint.target_role is Role.READ_ONLY:
            yield (*path, i, "target_role"), _NO_READERS


def _in_targets(targets: tuple[Target, ...], path: KeyPath) -> Iterator[Finding]:
    if not targets:
        yield path, "needs a READ_WRITE target"
    writers = 0
    for i, target in enumerate(targets):
        if target.role is Role.READ_ONLY:
            yield (*path, i, "role"), _NO_READERS
            continue
        writers += 1
        if writers > 1:
            yield (*path, i), "is a second READ_WRITE target, and a group has one"


def _in_pool(pool: ConnectionPoolConfig, path: KeyPath) -> Iterator[Finding]:
    idle = pool.max_idle_connections_percent
    if idle is not None and idle > pool.max_connections_percent:
        limit = pool.max_connections_percent
        message = f"must not be above max_connections_percent: {idle} is more than {limit}"
        yield (*path, "max_idle_connections_percent"), message


def _repeated(named: Iterable[tuple[KeyPath, str]]) -> Iterator[Finding]:
    seen = set()
    for path, value in named:
        if value in seen:
            yield path, f"{value!r} stands here a second time"
        seen.add(value)
