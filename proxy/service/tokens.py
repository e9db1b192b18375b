"""IAM tokens of one proxy: who checks those of clients, who makes those for targets."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred

from proxy.config.address import TcpAddress
from proxy.config.auth import IamAuth
from proxy.config.aws import TokenReuse
from proxy.config.model import DefaultAuthScheme, ProxyConfig, Target
from proxy.credentials.aws import AwsSettings, configured_region, make_session, partition_of
from proxy.credentials.aws_errors import AwsUnavailableError
from proxy.credentials.aws_threads import AwsThreads
from proxy.credentials.iam.document import PolicyUnusableError
from proxy.credentials.iam.reloading import ReloadingVerifier
from proxy.credentials.iam.token import RenewingSigner, TokenMaker, token_signer
from proxy.credentials.iam.used_tokens import TokenMemory
from proxy.credentials.iam.verify import IamSettings


class UnusableError(Exception):
    """What a configuration points to cannot be used: a password, a certificate, a policy."""


class Tokens:
    """Makes what has to do with tokens, as the configuration asks for it.

    Args:
        config: Of the proxy.
        aws: How AWS is reached.
        threads: For calls to AWS.
        files: Threads that read files.
        log: Says which proxy this is for.
        used: Remembers the tokens that clients have used, where somebody else does.
    """

    def __init__(
        self,
        config: ProxyConfig,
        aws: AwsSettings,
        threads: AwsThreads,
        files: AwsThreads,
        log: FilteringBoundLogger,
        used: TokenMemory | None = None,
    ) -> None:
        self._config = config
        self._aws = aws
        self._threads = threads
        self._files = files
        self._log = log
        self._used = used

    def _region(self) -> str:
        """The region of tokens.

        Raises:
            UnusableError: nobody says it.
        """
        try:
            region = self._config.iam.region or configured_region(self._aws)
        except AwsUnavailableError as error:
            raise UnusableError(f"proxy {self._config.name}: aws: {error}") from error
        if region is None:
            raise UnusableError(
                f"proxy {self._config.name}: no region is given for IAM tokens: set iam.region"
            )
        return region

    def _run_in_thread(self, work: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        return self._threads.run(partial(work, *arguments))

    def verifier(self) -> ReloadingVerifier | None:
        """Who checks tokens, where anybody may log in with one."""
        config, iam = self._config, self._config.iam
        if config.default_auth_scheme is DefaultAuthScheme.NONE and all(
            entry.iam_auth is IamAuth.DISABLED for entry in config.auth
        ):
            return None
        region = self._region()
        settings = IamSettings(
            region=region,
            partition=partition_of(region),
            resource_id=iam.resource_id or f"prx-{config.name}",
            hosts=iam.hosts,
            account=iam.account,
            clock_skew_seconds=iam.clock_skew,
            token_reuse=iam.token_reuse,
            method=iam.verification,
            sts_endpoint=config.aws.sts_endpoint_url,
        )
        try:
            return ReloadingVerifier(
                settings,
                None if iam.access_keys_file is None else Path(iam.access_keys_file),
                [*map(Path, iam.policy_files)],
                self._run_in_thread,
                time.time,
                read=self._files.run,
                log=self._log,
                # Where any use is good there is nobody to be asked.
                used=None if iam.token_reuse is TokenReuse.ANY else self._used,
            )
        except PolicyUnusableError:
            raise
        except ValueError as error:
            raise UnusableError(f"proxy {config.name}: iam: {error}") from error

    def maker(self, target: Target) -> TokenMaker:
        """Makes the tokens with which we log in to the target."""
        region, settings, place = self._region(), self._aws, target.place
        if not isinstance(place, TcpAddress):
            raise UnusableError(
                f"proxy {self._config.name}: a target at a unix socket takes no IAM tokens"
            )

        def begin() -> Callable[[str], str]:
            return token_signer(make_session(settings), place.host, place.port, region)

        signer = RenewingSigner(begin)
        return TokenMaker(signer.sign, self._run_in_thread, time.time, renew=signer.renew)
