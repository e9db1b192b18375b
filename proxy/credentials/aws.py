"""How AWS is reached: sessions and clients of botocore, which block."""

from __future__ import annotations

import ipaddress
import os
import threading
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import attrs
from botocore import exceptions as aws  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.credentials import (  # type: ignore[import-untyped]
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
)
from botocore.session import Session  # type: ignore[import-untyped]

from proxy.credentials.aws_errors import AWS_ERRORS, explain
from proxy.credentials.aws_threads import THREADS

CONNECT_TIMEOUT_SECONDS = 2.0
"""AWS is a few milliseconds away from where this is used; two seconds survive a lost SYN."""

READ_TIMEOUT_SECONDS = 5.0
"""Secrets Manager and STS answer within a second, a first use of a KMS key included."""

ATTEMPTS = 3
"""botocore's own retries cover a lost packet; an outage is for the caller's longer pauses."""

ROLE_SESSION_NAME = "mysqlproxy"
"""How the proxy shows in CloudTrail, at the end of the ARN of the role that it assumed."""

RENEWAL_PAUSE_SECONDS = 30.0
"""Reading the credentials of the proxy anew takes some 100 ms of the processor; while AWS does
not take them, each of hundreds of secrets fails every minute, and logins all the time."""

SECRETS_MANAGER = "secretsmanager"
STS = "sts"

_CONFIG = Config(
    connect_timeout=CONNECT_TIMEOUT_SECONDS,
    read_timeout=READ_TIMEOUT_SECONDS,
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    max_pool_connections=THREADS,
)


@attrs.frozen(kw_only=True)
class AwsSettings:
    """How AWS is reached.

    Attributes:
        region: None: that of the environment or the profile.
        profile: A profile of the AWS configuration files; None: the standard chain.
        role_arn: A role that is assumed with the credentials so found; None: they are used.
        external_id: What the trust policy of that role may ask for.
        secretsmanager_endpoint_url: Another address of Secrets Manager; None: AWS' own.
        sts_endpoint_url: Another address of STS; None: AWS' own.
    """

    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    secretsmanager_endpoint_url: str | None = None
    sts_endpoint_url: str | None = None

    def endpoint_url(self, service: str) -> str | None:
        """Another address of a service, None for AWS' own."""
        urls = {SECRETS_MANAGER: self.secretsmanager_endpoint_url, STS: self.sts_endpoint_url}
        return urls.get(service)

    def open_endpoints(self) -> tuple[str, ...]:
        """Hosts that secrets and tokens go to, and come from, without TLS, over a network."""
        found = [
            parts.hostname
            for url in (self.secretsmanager_endpoint_url, self.sts_endpoint_url)
            if url and (parts := urlsplit(url)).scheme == "http" and parts.hostname
        ]
        return tuple(host for host in dict.fromkeys(found) if not _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_session(settings: AwsSettings) -> Any:
    """Make a session of botocore whose credentials are there, or are fetched at first use.

    Blocks: the standard chain may ask the instance or the container.  Temporary credentials,
    those of an assumed role among them, renew themselves before they expire.

    Raises:
        AwsUnavailableError: there are no credentials, or no such profile.
    """
    try:
        session = Session(profile=settings.profile)
        credentials = session.get_credentials()
    except AWS_ERRORS as error:
        raise explain(error) from None
    if credentials is None:
        raise explain(aws.NoCredentialsError())
    if settings.role_arn is None:
        return session
    name = {"RoleSessionName": ROLE_SESSION_NAME}
    fetcher = AssumeRoleCredentialFetcher(
        partial(
            session.create_client,
            region_name=settings.region,
            endpoint_url=settings.sts_endpoint_url,
            config=_CONFIG,
        ),
        credentials,
        settings.role_arn,
        name | ({"ExternalId": settings.external_id} if settings.external_id else {}),
    )
    role = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    assumed = Session(profile=settings.profile)
    provider = SimpleNamespace(load_credentials=lambda: role)
    assumed.register_component("credential_provider", provider)
    return assumed


def configured_region(settings: AwsSettings) -> str | None:
    """The region of the settings, else of the environment or the profile; None for neither.

    Raises:
        AwsUnavailableError: there is no such profile.
    """
    # botocore reads AWS_DEFAULT_REGION alone; Lambda and containers set this one.
    given = settings.region or os.environ.get("AWS_REGION")
    if given:
        return given
    try:
        region: str | None = Session(profile=settings.profile).get_config_variable("region")
    except AWS_ERRORS as error:
        raise explain(error) from None
    return region


def partition_of(region: str) -> str:
    """The first part of ARNs in this region, such as `aws` or `aws-cn`."""
    try:
        return str(Session().get_partition_for_region(region))
    except AWS_ERRORS:
        return "aws"


class AwsClients:
    """The clients of one session, each made when it is first asked for.

    To be used in threads: making a client takes some 100 ms, and two threads must not make one
    at the same time, for a session is not safe for that.  Clients are.
    """

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str | None], Any] = {}

    def client(self, service: str, region: str | None = None) -> Any:
        """The client of a service in a region; blocks.

        Args:
            service: botocore's name of it, such as `SECRETS_MANAGER`.
            region: None: that of the settings.

        Raises:
            AwsUnavailableError: there are no credentials, no such profile, or no region; the
                next call tries again.
        """
        with self._lock:
            client = self._clients.get((service, region))
            if client is None:
                if self._session is None:
                    self._session = make_session(self.settings)
                client = self._make(service, region)
                self._clients[service, region] = client
            return client

    def _make(self, service: str, region: str | None) -> Any:
        settings = self.settings
        try:
            return self._session.create_client(
                service,
                region_name=region or settings.region,
                endpoint_url=settings.endpoint_url(service),
                config=_CONFIG,
            )
        except (*AWS_ERRORS, ValueError) as error:  # ValueError: an endpoint that is no URL
            raise explain(error) from None

    def forget(self) -> None:
        """Make all of it anew when it is needed: with credentials that are read again."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
            self._session = None
