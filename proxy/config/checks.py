"""Rules that look at several settings at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxy.config.admin_checks import find_faults_in_admin
from proxy.config.admin_users import find_faults_in_users
from proxy.config.auth import AuthEntry, AuthScheme, IamAuth
from proxy.config.aws import IamConfig, IamVerification
from proxy.config.group_checks import find_faults_in_group, lacking_readers
from proxy.config.model import Config, DefaultAuthScheme, ProxyConfig
from proxy.config.problem import Finding, KeyPath, repeated
from proxy.config.tls import ClientCertificates, ClientTls, TlsMode
from proxy.vocabulary import Role

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
_NO_CLIENT = "does not go with for_monitor: no client logs in as this user"
_NO_MONITOR = "is of no use unless target_group.failover.monitor_username is this user"
_OF_CLIENTS = ("client_password_auth_type", "allowed_networks")


def find_faults(config: Config) -> Iterator[Finding]:
    """Say what does not go together, each with the path of the setting to change."""
    if not config.proxies:
        yield ("proxies",), "needs at least one proxy"
    yield from repeated(
        ((("proxies", i, "name"), p.name) for i, p in enumerate(config.proxies))
    )
    yield from repeated(
        (("proxies", i, "endpoints", j, "listen"), endpoint.listen)
        for i, proxy in enumerate(config.proxies)
        for j, endpoint in enumerate(proxy.endpoints)
        if not _ANY_PORT.match(endpoint.listen)
    )
    for i, proxy in enumerate(config.proxies):
        yield from _in_proxy(proxy, ("proxies", i))
    yield from find_faults_in_admin(config.admin, ("admin",))
    served = [
        (proxy.name, entry.username)
        for proxy in config.proxies
        for entry in proxy.auth
        if entry.username is not None
    ]
    yield from find_faults_in_users(config.admin.users, served)


def _in_proxy(proxy: ProxyConfig, path: KeyPath) -> Iterator[Finding]:
    everybody = proxy.default_auth_scheme is DefaultAuthScheme.IAM_AUTH
    if not everybody and all(entry.for_monitor for entry in proxy.auth):
        need = "one user of clients" if proxy.auth else "one user"
        yield (*path, "auth"), f"needs at least {need}, or default_auth_scheme IAM_AUTH"
    yield from _in_auth(proxy.auth, (*path, "auth"))
    yield from _in_monitors(proxy, path)
    yield from _in_client_tls(proxy.tls, (*path, "tls"))
    required = proxy.tls.client_certificates is ClientCertificates.REQUIRED
    if required and not proxy.require_tls:
        yield (*path, "require_tls"), "must be true: without TLS a client shows no certificate"
    if proxy.require_tls and not proxy.tls.certificates:
        yield (*path, "require_tls"), _NO_CERTIFICATE
    yield from _in_iam(proxy, path)
    yield from _in_endpoints(proxy, (*path, "endpoints"))
    yield from find_faults_in_group(proxy.target_group, (*path, "target_group"))


def _in_auth(auth: tuple[AuthEntry, ...], path: KeyPath) -> Iterator[Finding]:
    for name in ("username", "secret_arn", "users_file"):
        yield from repeated(
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


def _in_monitors(proxy: ProxyConfig, path: KeyPath) -> Iterator[Finding]:
    """Monitors log in as somebody who is known, and as nobody else who is kept for them."""
    monitor = proxy.target_group.failover.monitor_username
    names = {entry.username for entry in proxy.auth}
    # Who is in a file or a secret is known when it has been read.
    more = proxy.default_auth_scheme is DefaultAuthScheme.IAM_AUTH or any(
        entry.auth_scheme is not AuthScheme.STATIC and entry.username is None
        for entry in proxy.auth
    )
    if monitor is not None and monitor not in names and not more:
        where = (*path, "target_group", "failover", "monitor_username")
        yield where, f"{monitor!r} is no user of auth"
    for i, entry in enumerate(proxy.auth):
        if not entry.for_monitor:
            continue
        place = (*path, "auth", i)
        if monitor is None or entry.username not in {None, monitor}:
            yield (*place, "for_monitor"), _NO_MONITOR
        if entry.iam_auth is not IamAuth.DISABLED:
            yield (*place, "iam_auth"), _NO_CLIENT
        for name in _OF_CLIENTS:
            if getattr(entry, name):
                yield (*place, name), _NO_CLIENT


def _in_endpoints(proxy: ProxyConfig, path: KeyPath) -> Iterator[Finding]:
    if not proxy.endpoints:
        yield path, "needs at least one endpoint"
    yield from repeated(((*path, i, "name"), e.name) for i, e in enumerate(proxy.endpoints))
    for i, endpoint in enumerate(proxy.endpoints):
        if endpoint.target_role is Role.READ_ONLY:
            for lack in lacking_readers(proxy.target_group):
                yield (*path, i, "target_role"), lack
