"""What the configuration of a proxy points to: passwords, certificates, policies.

All that can be unusable is here, and is tried when it is made.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

import attrs
from structlog.typing import FilteringBoundLogger

from proxy.config.address import TcpAddress
from proxy.config.auth import AuthEntry, AuthScheme
from proxy.config.model import DefaultAuthScheme, ProxyConfig, Target
from proxy.config.tls import TlsMode
from proxy.credentials.aws import AwsSettings
from proxy.credentials.aws_threads import AwsThreads
from proxy.credentials.cached import Freshness
from proxy.credentials.iam.document import PolicyUnusableError
from proxy.credentials.iam.keys import AccessKeysUnusableError
from proxy.credentials.iam.reloading import ReloadingVerifier
from proxy.credentials.iam.used_tokens import TokenMemory
from proxy.credentials.secrets_manager import SecretsManager
from proxy.credentials.secrets_source import OnChange, SecretEntry, SecretsSource
from proxy.credentials.shared import SharedSecrets, ToldSecrets, key_of
from proxy.credentials.source import CredentialSource, credential_maker
from proxy.credentials.static import PasswordUnreadableError, StaticSource, load_static
from proxy.credentials.users_file import UsersFile
from proxy.net.backend_tls import BackendTlsStreams
from proxy.net.certificates import TlsUnusableError
from proxy.net.client_tls import ClientTlsStreams
from proxy.observe.counters import Counters
from proxy.pool.accounts import TokenGiver
from proxy.pool.connect import Connector
from proxy.pool.elsewhere import Elsewhere
from proxy.pool.registry import Pools
from proxy.service.tokens import Tokens, UnusableError

Living: TypeAlias = SecretsSource | ToldSecrets | UsersFile
"""Sources of users that are started and stopped."""


@attrs.define(eq=False)
class Means:
    """By what means the materials of one proxy are had; they stay for as long as it lives.

    Attributes:
        reactor: The time.
        threads: For calls to AWS.
        files: Threads that read files: neither do these wait for AWS, nor AWS for a file
            system that is away.
        counters: Where reads of secrets are counted.
        log: Says which proxy this is for.
        share_secrets: Lets other processes know what a source of secrets knows, by its key;
            None where there are none.
        told_secrets: Makes a source that another process tells; None where secrets are read.
        used_tokens: Knows which tokens were used, for all workers; None where each verifier
            has a memory of its own.
        pools: Who is told of changed passwords.
        elsewhere: Makes what knows of writes by way of other workers; None for none.
        ticket_key: By which TLS sessions of clients are kept that all workers can resume; None
            for one that is made up.
    """

    reactor: Any
    threads: AwsThreads
    files: AwsThreads
    counters: Counters
    log: FilteringBoundLogger
    share_secrets: Callable[[str, SharedSecrets], None] | None = None
    told_secrets: Callable[[str, Sequence[SecretEntry], OnChange], ToldSecrets] | None = None
    used_tokens: TokenMemory | None = None
    pools: Pools | None = None
    elsewhere: Callable[[], Elsewhere] | None = None
    ticket_key: bytes | None = attrs.field(default=None, repr=False)

    def changed(self, users: tuple[str, ...]) -> None:
        """These users have other passwords."""
        if self.pools is not None:
            for user in users:
                self.pools.password_changed(user)


class Materials:
    """See the module.

    Attributes:
        config: Whose they are.
        static: Users with passwords of their own; None for none.
        files: Users in files.
        secrets: Users in AWS Secrets Manager; None for none.
        client_tls: Makes the TLS streams of clients; None where TLS is not offered.
        verifier: Checks IAM tokens; None where nobody may log in with one.
        takes_all: Whether users whom no source knows log in with IAM tokens.
        streams: Make the TLS streams of connections to targets, by the names in certificates.
    """

    static: StaticSource | None
    files: dict[AuthEntry, UsersFile]
    secrets: SecretsSource | ToldSecrets | None
    client_tls: ClientTlsStreams | None
    verifier: ReloadingVerifier | None

    def __init__(
        self, config: ProxyConfig, means: Means, before: Materials | None = None
    ) -> None:
        """Make them; blocks, as it reads files.

        Args:
            config: What is wanted.
            means: See there.
            before: What there was until now: what is the same is taken from it.

        Raises:
            UnusableError: something cannot be used.
        """
        self.config = config
        self._means = means
        aws = config.aws
        self._aws = AwsSettings(
            region=aws.region or os.environ.get("AWS_REGION"),
            profile=aws.profile,
            role_arn=config.role_arn,
            external_id=aws.external_id,
            secretsmanager_endpoint_url=aws.secretsmanager_endpoint_url,
            sts_endpoint_url=aws.sts_endpoint_url,
        )
        self._tokens = Tokens(
            config, self._aws, means.threads, means.files, means.log, means.used_tokens
        )
        self.takes_all = config.default_auth_scheme is DefaultAuthScheme.IAM_AUTH
        # Those of targets that were discovered last as long as something connects by them.
        self.streams: WeakValueDictionary[str, BackendTlsStreams] = WeakValueDictionary()
        try:
            self._gather(before)
        except (
            AccessKeysUnusableError,
            PasswordUnreadableError,
            PolicyUnusableError,
            TlsUnusableError,
        ) as error:
            raise UnusableError(f"proxy {config.name}: {error}") from error

    def __repr__(self) -> str:
        """Whose they are; nothing of what is in them."""
        return f"<Materials of {self.config.name!r}>"

    def _gather(self, before: Materials | None) -> None:
        config, log = self.config, self._means.log
        old = before.config if before is not None else None
        same_aws = old is not None and (old.aws, old.role_arn) == (config.aws, config.role_arn)
        static = _entries(config, AuthScheme.STATIC)
        self.static = load_static(static, os.environ, log) if static else None
        known = before.files if before is not None else {}
        self.files = {
            entry: known.get(entry) or self._users_file(entry)
            for entry in _entries(config, AuthScheme.FILE)
        }
        secret = _entries(config, AuthScheme.SECRETS)
        self.secrets = None
        if (
            before is not None
            and same_aws
            and _entries(before.config, AuthScheme.SECRETS) == secret
        ):
            self.secrets = before.secrets
        elif secret:
            self.secrets = self._make_secrets(secret)
        if before is not None and old is not None and old.tls == config.tls:
            self.client_tls = before.client_tls
        else:
            has_tls = bool(config.tls.certificates)
            self.client_tls = (
                ClientTlsStreams(config.tls, log, self._means.ticket_key) if has_tls else None
            )
        if before is not None and old is not None and same_aws and _same_tokens(old, config):
            self.verifier = before.verifier
        else:
            self.verifier = self._tokens.verifier()
        group = config.target_group
        if before is not None and old is not None and old.target_group.tls == group.tls:
            self.streams = before.streams
        if not same_aws:
            for host in self._aws.open_endpoints():
                log.warning(
                    "secrets or tokens go to an endpoint without TLS; give it an https URL",
                    host=host,
                )
        targets = (*group.targets, *(t for one in group.target_sets for t in one.targets))
        self._kept = [self.backend_tls(target) for target in targets]
        for target in targets:
            self.token_giver(target)

    # Passwords

    def _users_file(self, entry: AuthEntry) -> UsersFile:
        means = self._means
        return UsersFile(
            Path(entry.users_file or ""),
            credential_maker(entry),
            clock=means.reactor,
            run=means.files.run,
            on_change=means.changed,
            log=means.log,
        )

    def _make_secrets(self, auth: tuple[AuthEntry, ...]) -> SecretsSource | ToldSecrets:
        aws, means = self.config.aws, self._means
        entries = [
            SecretEntry(entry.secret_arn or "", credential_maker(entry), entry.username)
            for entry in auth
        ]
        key = key_of(self.config.name, aws, self.config.role_arn, auth)
        if means.told_secrets is not None:
            return means.told_secrets(key, entries, means.changed)
        manager = SecretsManager(self._aws)
        source = SharedSecrets(
            entries,
            lambda secret_id, stage: means.threads.run(
                partial(manager.fetch, secret_id, stage)
            ),
            Freshness(
                refresh_interval_seconds=aws.secret_refresh_interval,
                stale_limit_seconds=aws.secret_stale_limit,
                password_overlap_seconds=aws.password_overlap,
            ),
            clock=means.reactor,
            now=time.time,
            random=random.random,
            counters=means.counters,
            on_change=means.changed,
            log=means.log,
        )
        if means.share_secrets is not None:
            means.share_secrets(key, source)
        return source

    @property
    def sources(self) -> list[CredentialSource]:
        """Who knows users: passwords of our own first, then files, then secrets."""
        first: list[StaticSource] = [] if self.static is None else [self.static]
        return [*first, *self.living]

    @property
    def living(self) -> list[Living]:
        """Those of them that are started and stopped."""
        last: list[SecretsSource | ToldSecrets] = [] if self.secrets is None else [self.secrets]
        return [*self.files.values(), *last]

    def users(self) -> Iterator[str]:
        """All users who are known by now."""
        for source in self.sources:
            yield from source.users()

    # The targets

    def backend_tls(self, target: Target) -> BackendTlsStreams | None:
        """Makes the TLS streams of connections to a target; None where there shall be none.

        Raises:
            TlsUnusableError: the files cannot be used.
        """
        settings, place = self.config.target_group.tls, target.place
        if settings.mode is TlsMode.DISABLED:
            return None
        host = place.host if isinstance(place, TcpAddress) else "localhost"
        name = target.tls_server_name or host
        streams = self.streams.get(name)
        if streams is None:
            streams = self.streams[name] = BackendTlsStreams(settings, name, self._means.log)
        return streams

    def connector(self, target: Target, timeout: float | None = None) -> Connector:
        """What connects to a target, within so many seconds.

        Raises:
            TlsUnusableError: the files cannot be used.
        """
        if timeout is None:
            timeout = self.config.target_group.connection_pool_config.connect_timeout
        tls, announces = self.backend_tls(target), target.proxy_protocol
        reactor = self._means.reactor
        return Connector(reactor, target.place, timeout, tls, announces=announces)

    def token_giver(self, target: Target) -> TokenGiver | None:
        """Makes the tokens with which we log in to a target; None where none are needed.

        Raises:
            UnusableError: it takes none, or nobody says the region.
        """
        return self._tokens.maker(target) if self.takes_all else None


def _entries(config: ProxyConfig, scheme: AuthScheme) -> tuple[AuthEntry, ...]:
    return tuple(one for one in config.auth if one.auth_scheme is scheme)


def _same_tokens(old: ProxyConfig, new: ProxyConfig) -> bool:
    """Whether the same tokens are good."""
    uses = [
        (one.iam, one.default_auth_scheme, [entry.iam_auth for entry in one.auth])
        for one in (old, new)
    ]
    return uses[0] == uses[1]
