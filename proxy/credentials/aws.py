"""How AWS is reached: sessions and clients of botocore, which block, and threads for them."""

from __future__ import annotations

import enum
import re
import threading
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, Protocol, TypeVar

import attrs
from botocore import exceptions as aws  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.credentials import (  # type: ignore[import-untyped]
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
)
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.python.threadpool import ThreadPool

from proxy.net.clock import Clock, Timer

T = TypeVar("T")

CONNECT_TIMEOUT_SECONDS = 2.0
"""AWS is a few milliseconds away from where this is used; two seconds survive a lost SYN."""

READ_TIMEOUT_SECONDS = 5.0
"""Secrets Manager and STS answer within a second, a first use of a KMS key included."""

ATTEMPTS = 3
"""botocore's own retries cover a lost packet; an outage is for the caller's longer pauses."""

THREADS = 4
"""A call is some 10 ms of waiting: four at once read hundreds of secrets in a few seconds, and
one that hangs leaves three."""

CALL_LIMIT_SECONDS = 30.0
"""Three attempts with both timeouts and botocore's pauses take less; what takes longer hangs
where botocore has no timeout, as in a look-up of a name."""

QUEUE_LIMIT_SECONDS = 120.0
"""When every thread hangs, whoever waits for one has to hear of it in the end; at the start
thousands of secrets get their turn in this time."""

ROLE_SESSION_NAME = "mysqlproxy"
"""How the proxy shows in CloudTrail, at the end of the ARN of the role that it assumed."""

SECRETS_MANAGER = "secretsmanager"
STS = "sts"

_CONFIG = Config(
    connect_timeout=CONNECT_TIMEOUT_SECONDS,
    read_timeout=READ_TIMEOUT_SECONDS,
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    max_pool_connections=THREADS,
)

ARN = r"arn:[a-z-]+:[\w:/+=,.@*-]{1,2000}"
"""An ARN inside a sentence of AWS, which may end with a full stop that is not part of it."""

_PRINCIPAL = re.compile(rf"User: ({ARN}) is not authorized")
_RESOURCE = re.compile(rf"on resource: ({ARN})")
_CODE = re.compile(r"[\w.:-]{1,64}")

_THROTTLED = {
    *("Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded"),
    *("TooManyRequestsException", "RequestThrottled", "SlowDown"),
}
_BAD_TOKEN = {
    *("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"),
    *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"),
    *("InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature"),
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "AuthFailure"),
}
_DENIED = {"AccessDenied", "AccessDeniedException"}


class Trouble(enum.Enum):
    """What kept AWS from answering."""

    NO_CREDENTIALS = "no credentials"
    BAD_TOKEN = "credentials that AWS does not take"  # noqa: S105 - the name of a trouble
    SETTINGS = "settings"
    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"
    DENIED = "not authorized"
    KEY = "key of the secret"
    NOT_FOUND = "not found"
    REFUSED = "refused"
    OTHER = "other"


class AwsUnavailableError(Exception):
    """AWS did not answer; `why` is a sentence for an operator, `kind` is for programs."""

    def __init__(self, why: str, kind: Trouble) -> None:
        super().__init__(why)
        self.why = why
        self.kind = kind


AWS_ERRORS = (aws.BotoCoreError, aws.ClientError, ResponseParserError)
"""All that a client of botocore raises."""


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


def make_client(settings: AwsSettings, service: str, region: str | None = None) -> Any:
    """Make a client of a service, with a session of its own.

    Args:
        settings: How AWS is reached.
        service: botocore's name of it, such as `SECRETS_MANAGER`.
        region: None: that of the settings.

    Raises:
        AwsUnavailableError: there are no credentials, no such profile, or no region.
    """
    return _client_of(make_session(settings), settings, service, region)


def _client_of(session: Any, settings: AwsSettings, service: str, region: str | None) -> Any:
    try:
        return session.create_client(
            service,
            region_name=region or settings.region,
            endpoint_url=settings.endpoint_url(service),
            config=_CONFIG,
        )
    except (*AWS_ERRORS, ValueError) as error:  # ValueError: an endpoint that is no URL
        raise explain(error) from None


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

        Raises:
            AwsUnavailableError: see `make_client`; the next call tries again.
        """
        with self._lock:
            client = self._clients.get((service, region))
            if client is None:
                if self._session is None:
                    self._session = make_session(self.settings)
                client = _client_of(self._session, self.settings, service, region)
                self._clients[service, region] = client
            return client

    def forget(self) -> None:
        """Make all of it anew when it is needed: with credentials that are read again."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
            self._session = None


_UNFETCHED = "the AWS credentials could not be fetched"
_SIGN_ON = "the AWS single sign-on has expired; log in again"
_SLOW = "AWS did not answer in time"
_SENTENCES: tuple[tuple[Any, Trouble, str], ...] = (
    (aws.NoCredentialsError, Trouble.NO_CREDENTIALS, "there are no AWS credentials"),
    (aws.PartialCredentialsError, Trouble.NO_CREDENTIALS, "the AWS credentials lack a part"),
    (aws.CredentialRetrievalError, Trouble.NO_CREDENTIALS, _UNFETCHED),
    (aws.MetadataRetrievalError, Trouble.NO_CREDENTIALS, _UNFETCHED),
    (aws.SSOError, Trouble.BAD_TOKEN, _SIGN_ON),
    (aws.TokenRetrievalError, Trouble.BAD_TOKEN, _SIGN_ON),
    (aws.ProfileNotFound, Trouble.SETTINGS, "the AWS configuration has no such profile"),
    (aws.NoRegionError, Trouble.SETTINGS, "no AWS region is given: set aws.region"),
    (aws.SSLError, Trouble.UNREACHABLE, "the TLS connection to AWS failed"),
    (aws.ReadTimeoutError, Trouble.UNREACHABLE, _SLOW),
    (aws.ConnectTimeoutError, Trouble.UNREACHABLE, _SLOW),
    (aws.HTTPClientError, Trouble.UNREACHABLE, "AWS cannot be reached"),
    (aws.ConnectionError, Trouble.UNREACHABLE, "AWS cannot be reached"),
    (ResponseParserError, Trouble.OTHER, "the answer of AWS was not understood"),
)
"""What errors of botocore mean; the first that fits counts."""


def explain(error: Exception) -> AwsUnavailableError:
    """Say what an error of botocore means, in words of our own: its own may quote anything."""
    if isinstance(error, AwsUnavailableError):
        return error
    if isinstance(error, aws.ClientError):
        return _explain_answer(error)
    for kinds, trouble, why in _SENTENCES:
        if isinstance(error, kinds):
            return AwsUnavailableError(why, trouble)
    return AwsUnavailableError(f"botocore refused: {type(error).__name__}", Trouble.SETTINGS)


def code_of(error: Any) -> str:
    """The code of an error that AWS answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: Any) -> str:
    """What AWS said about an error, to look for known words in."""
    return str(error.response.get("Error", {}).get("Message", ""))


def principal_in(message: str) -> str:
    """The ARN of who was not authorized; empty where AWS does not say."""
    found = _PRINCIPAL.search(message)
    return found.group(1) if found else ""


def _explain_answer(error: Any) -> AwsUnavailableError:
    code, message, operation = code_of(error), message_of(error), error.operation_name
    if code in _THROTTLED:
        return AwsUnavailableError("AWS throttles the proxy", Trouble.THROTTLED)
    if code in _BAD_TOKEN:
        why = f"AWS does not take the credentials of the proxy ({code})"
        return AwsUnavailableError(why, Trouble.BAD_TOKEN)
    if code in _DENIED:
        who, role = principal_in(message), _RESOURCE.search(message)
        what = f"call {operation}"
        if role and operation == "AssumeRole":
            what = f'assume the role "{role.group(1)}"'
        why = f'"{who or "the proxy"}" is not authorized to {what}'
        return AwsUnavailableError(why, Trouble.DENIED)
    shown = code if _CODE.fullmatch(code) else "an unknown error"
    return AwsUnavailableError(f"AWS answered {operation} with {shown}", Trouble.OTHER)


class ThreadReactor(Clock, Protocol):
    """The part of a reactor that knows time and threads."""

    def callFromThread(self, call: Callable[..., object], *args: Any) -> None:  # noqa: N802 - Twisted's name
        """Call it in the reactor's thread, soon."""


@attrs.define(eq=False)
class _Call:
    """A call that somebody waits for; `over` when nobody does any more."""

    work: Callable[[], Any]
    result: Deferred[Any]
    timer: Timer
    over: bool = False


class _DaemonPool(ThreadPool):
    """Threads that do not keep the process from ending, whatever they hang in."""

    threadFactory = staticmethod(partial(threading.Thread, daemon=True))  # type: ignore[assignment]  # noqa: N815 - Twisted's name


class AwsThreads:
    """A few threads for calls that block."""

    def __init__(self, reactor: ThreadReactor) -> None:
        self._reactor = reactor
        self._pool = _DaemonPool(0, THREADS, "aws")
        self._calls: set[_Call] = set()
        self._stopped = False

    def start(self) -> None:
        """Begin with what has been asked for so far."""
        self._pool.start()

    def stop(self) -> None:
        """Take no more calls; whoever waits for one hears `CancelledError`."""
        self._stopped = True
        # The pool waits for each of its threads, and one may hang.
        threading.Thread(target=self._pool.stop, daemon=True).start()
        for call in list(self._calls):
            call.result.cancel()

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Call it in a thread.

        Returns:
            What it returned or raised; `AwsUnavailableError` when it takes longer than
            `CALL_LIMIT_SECONDS`, or gets no thread within `QUEUE_LIMIT_SECONDS`.
        """
        if self._stopped:
            return fail(CancelledError())
        result: Deferred[T] = Deferred(lambda _: self._leave(call))
        why = f"no thread was free for {QUEUE_LIMIT_SECONDS:.0f} s: AWS does not answer"
        timer = self._reactor.callLater(QUEUE_LIMIT_SECONDS, lambda: self._late(call, why))
        call = _Call(work, result, timer)
        self._calls.add(call)
        self._pool.callInThreadWithCallback(
            lambda _ok, result: self._reactor.callFromThread(self._settle, call, result),
            self._do,
            call,
        )
        return result

    def _do(self, call: _Call) -> Any:
        """In a thread."""
        if call.over:
            return None
        self._reactor.callFromThread(self._begun, call)
        return call.work()

    def _begun(self, call: _Call) -> None:
        if call.over:
            return
        call.timer.cancel()
        why = f"AWS did not answer within {CALL_LIMIT_SECONDS:.0f} s"
        call.timer = self._reactor.callLater(CALL_LIMIT_SECONDS, self._late, call, why)

    def _late(self, call: _Call, why: str) -> None:
        self._leave(call)
        call.result.errback(AwsUnavailableError(why, Trouble.UNREACHABLE))

    def _settle(self, call: _Call, result: Any) -> None:
        if not call.over:
            self._leave(call)
            call.result.callback(result)

    def _leave(self, call: _Call) -> None:
        call.over = True
        self._calls.discard(call)
        if call.timer.active():
            call.timer.cancel()
