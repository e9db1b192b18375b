"""Rules that look at several settings at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from proxy.config.auth import AuthEntry, AuthScheme, IamAuth
from proxy.config.aws import IamConfig, IamVerification
from proxy.config.model import (
    Config,
    DefaultAuthScheme,
    EndpointConfig,
    ProxyConfig,
    Target,
)
from proxy.config.pool import ConnectionPoolConfig
from proxy.config.problem import KeyPath
from proxy.config.tls import BackendTls, ClientCertificates, ClientTls, TlsMode
from proxy.vocabulary import Role

Finding = tuple[KeyPath, str]

_PASSWORD_SOURCES = ("password", "password_file", "password_env")
_SOURCES = (*_PASSWORD_SOURCES, "username", "users_file", "secret_arn")
_FIELDS_OF = {
    AuthScheme.STATIC: ("username", (*_PASSWORD_SOURCES, "username")),
    AuthScheme.FILE: ("users_file", ("users_file",)),
    AuthScheme.SECRETS: ("secret_arn", ("secret_arn", "username")),
}
"""What each scheme needs, and what may stand in its entry."""

_ANY_PORT = re.compile(r"tcp6?:0(?::|$)")
"""Each of these gets a port of its own."""

_VERIFIED = (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY)
_TOKENS_IN_CLEAR = (
    "must be verify_ca or verify_identity with default_auth_scheme IAM_AUTH: tokens are sent "
    "to the target as they are"
)
_EVERYBODY = (
    "is needed with verify_ca and default_auth_scheme IAM_AUTH: the system's authorities sign "
    "for everybody, and tokens are sent to the target as they are"
)
_NO_CERTIFICATE = "needs tls.certificates, as TLS is not offered without"
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
        if not _ANY_PORT.match(endpoint.listen)
    )
    for i, proxy in enumerate(config.proxies):
        yield from _in_proxy(proxy, ("proxies", i))


def _in_proxy(proxy: ProxyConfig, path: KeyPath) -> Iterator[Finding]:
    if not proxy.auth and proxy.default_auth_scheme is DefaultAuthScheme.NONE:
        yield (*path, "auth"), "needs at least one user, or default_auth_scheme IAM_AUTH"
    yield from _in_auth(proxy.auth, (*path, "auth"))
    yield from _in_client_tls(proxy.tls, (*path, "tls"))
    required = proxy.tls.client_certificates is ClientCertificates.REQUIRED
    if required and not proxy.require_tls:
        yield (*path, "require_tls"), "must be true: without TLS a client shows no certificate"
    if proxy.require_tls and not proxy.tls.certificates:
        yield (*path, "require_tls"), _NO_CERTIFICATE
    yield from _in_iam(proxy, path)
    yield from _in_endpoints(proxy.endpoints, (*path, "endpoints"))
    group = (*path, "target_group")
    yield from _in_targets(proxy.target_group.targets, (*group, "targets"))
    yield from _in_backend_tls(proxy.target_group.tls, (*group, "tls"))
    yield from _in_pool(
        proxy.target_group.connection_pool_config, (*group, "connection_pool_config")
    )


def _in_auth(auth: tuple[AuthEntry, ...], path: KeyPath) -> Iterator[Finding]:
    for name in ("username", "secret_arn", "users_file"):
        yield from _repeated(
            ((*path, i, name), getattr(entry, name))
            for i, entry in enumerate(auth)
            if getattr(entry, name) is not None
        )
    for i, entry in enumerate(auth):
        yield from _in_entry(entry, (*path, i))


def _in_entry(entry: AuthEntry, path: KeyPath) -> Iterator[Finding]:
    needed, allowed = _FIELDS_OF[entry.auth_scheme]
    for name in _SOURCES:
        if name not in allowed and getattr(entry, name) is not None:
            scheme = entry.auth_scheme.value
            yield (*path, name), f"does not go with auth_scheme {scheme}"
    if getattr(entry, needed) is None:
        yield path, f"needs {needed}, as its auth_scheme is {entry.auth_scheme.value}"
    if entry.auth_scheme is AuthScheme.STATIC:
        given = [name for name in _PASSWORD_SOURCES if getattr(entry, name) is not None]
        if not given:
            yield path, f"needs one of {', '.join(_PASSWORD_SOURCES)}"
        elif len(given) > 1:
            yield (*path, given[1]), f"cannot stand beside {given[0]}: give one of the two"


def _in_iam(proxy: ProxyConfig, path: KeyPath) -> Iterator[Finding]:
    users = [
        ("auth", i, "iam_auth")
        for i, entry in enumerate(proxy.auth)
        if entry.iam_auth is not IamAuth.DISABLED
    ]
    default = proxy.default_auth_scheme is DefaultAuthScheme.IAM_AUTH
    if not users and not default:
        return
    place = (*path, "default_auth_scheme") if default else (*path, *users[0])
    if not proxy.tls.certificates:
        yield place, _NO_CERTIFICATE
    if not proxy.iam.policy_files:
        yield place, "needs iam.policy_files: without a policy no token is good for anybody"
    yield from _in_verification(proxy.iam, (*path, "iam"))
    tls = proxy.target_group.tls
    if default and tls.mode is TlsMode.VERIFY_CA and tls.ca is None:
        yield (*path, "target_group", "tls", "ca"), _EVERYBODY
    if default and tls.mode not in _VERIFIED:
        yield (*path, "target_group", "tls", "mode"), _TOKENS_IN_CLEAR


def _in_verification(iam: IamConfig, path: KeyPath) -> Iterator[Finding]:
    if iam.verification is IamVerification.ACCESS_KEYS and iam.access_keys_file is None:
        yield (*path, "access_keys_file"), "is needed with the verification ACCESS_KEYS"
    if iam.verification is IamVerification.STS and iam.account is None:
        yield (*path, "account"), "is needed with the verification STS, which knows everybody's"


def _in_client_tls(tls: ClientTls, path: KeyPath) -> Iterator[Finding]:
    if tls.client_certificates is not ClientCertificates.NONE:
        if not tls.certificates:
            yield (*path, "client_certificates"), _NO_CERTIFICATE
        if tls.client_ca is None:
            yield (*path, "client_ca"), "is needed to check certificates of clients"


def _in_backend_tls(tls: BackendTls, path: KeyPath) -> Iterator[Finding]:
    if (tls.certificate is None) != (tls.private_key is None):
        missing = "certificate" if tls.certificate is None else "private_key"
        yield (*path, missing), "is missing: a certificate and its key go together"
    if tls.mode is TlsMode.DISABLED and tls.certificate is not None:
        yield (*path, "certificate"), "is of no use with the mode disabled"


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
