"""Whether a client that brings an IAM token may log in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.python.failure import Failure

from proxy.config.aws import IamVerification, TokenReuse
from proxy.credentials.iam.arn import account_of, login_resource
from proxy.credentials.iam.hosts import read_hosts
from proxy.credentials.iam.identity import Identity, ask
from proxy.credentials.iam.keys import AccessKey
from proxy.credentials.iam.policy import Policies, unmentioned
from proxy.credentials.iam.presigned import CLOCK_SKEW_SECONDS, Presigned, Refused
from proxy.credentials.iam.signature import Terms, check_token, find_signer, read_token
from proxy.credentials.iam.sts import (
    check_sts_token,
    read_sts_token,
    sts_endpoints,
)
from proxy.credentials.iam.used_tokens import TokenMemory, UsedTokens
from proxy.vocabulary import unmapped

MOST_QUESTIONS = 100
"""Questions to STS that run or wait for a thread: anybody can make tokens that only STS can
refuse.  One takes some 50 ms, so that the few threads for AWS (`THREADS` of
`proxy.credentials.aws_threads`) have answered a hundred in little more than a second; more than
that would keep honest clients waiting, and is refused at once.  Each worker has threads of its
own, and this limit for itself."""

MOST_QUESTIONS_OF_ONE = 10
"""Of them, those for clients of one address: ten addresses at least have to come together to
leave no room for others, and a pool that opens its connections in turn needs one."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@attrs.frozen(kw_only=True)
class IamSettings:
    """Whose tokens are good.

    Attributes:
        region: That tokens are made for.
        hosts: Under which clients know us: `name`, `*.domain`, with a port or without.  None
            at all takes a token for any host, see `AcceptedHosts`.
        resource_id: Of the proxy, in the ARNs of policies.
        account: That principals have to be in, 12 digits; None: in any.
        clock_skew_seconds: How far clocks of clients may be ahead.
        sts_endpoint: URL of another STS than AWS's own.
    """

    region: str
    resource_id: str
    hosts: tuple[str, ...] = ()
    account: str | None = None
    partition: str = "aws"
    clock_skew_seconds: float = CLOCK_SKEW_SECONDS
    token_reuse: TokenReuse = TokenReuse.SAME_ADDRESS
    method: IamVerification = IamVerification.ACCESS_KEYS
    sts_endpoint: str | None = None


@attrs.frozen
class Verdict:
    """What becomes of a login.

    Attributes:
        reason: For the log and not for the client.
        principal: ARN; empty where it is not known, or not proved.
        is_our_fault: Whether a refusal says nothing of the token: it could not be checked.  So
            it is no guess.
    """

    allowed: bool
    reason: str
    principal: str = ""
    is_our_fault: bool = False


def looks_like_token(text: str) -> bool:
    """Whether a client that may bring a password or a token has brought a token.

    A password would have to contain two parameters of AWS to be taken for one.
    """
    return "X-Amz-Credential=" in text and "X-Amz-Signature=" in text


class TokenVerifier:
    """Verifies tokens, and remembers those that have been used."""

    def __init__(
        self,
        settings: IamSettings,
        keys: Mapping[str, AccessKey],
        policies: Policies,
        run_in_thread: Callable[..., Deferred[Any]],
        now: Callable[[], float],
        used: TokenMemory | None = None,
    ) -> None:
        """Make a verifier.

        Args:
            settings: Whose tokens are good.
            keys: By their id; STS needs none.
            policies: Who may log in as whom.
            run_in_thread: Calls a function with arguments, elsewhere.
            now: POSIX time.
            used: Remembers the tokens that have been used; None for a memory of its own.

        Raises:
            ValueError: a host or the endpoint is none, or STS is asked without an account.
        """
        if settings.method is IamVerification.STS and settings.account is None:
            # AWS knows everybody who has any account at all.
            raise ValueError("to ask STS who signed, an account has to be set")
        self._settings = settings
        self._keys = keys
        self._policies = policies
        self._run_in_thread = run_in_thread
        self._now = now
        self._used = UsedTokens(settings.token_reuse) if used is None else used
        self._terms = Terms(
            settings.region, read_hosts(settings.hosts), settings.clock_skew_seconds
        )
        self._endpoints = sts_endpoints(settings.region, settings.sts_endpoint)
        self._questions: Counter[str] = Counter()

    def __repr__(self) -> str:
        return (
            f"<TokenVerifier by {self._settings.method.value}: {len(self._keys)} keys, "
            f"{self._policies!r}>"
        )

    def renew(self, keys: Mapping[str, AccessKey], policies: Policies) -> None:
        """Decide by these from now on, also on what STS is being asked at this moment."""
        self._keys = keys
        self._policies = policies

    def verify(self, token: str, user: str, address: str) -> Deferred[Verdict]:
        """Say whether a client may log in.

        Never fails, but with `CancelledError` when somebody gives up waiting for it.

        Args:
            token: What it sent as its password.
            user: Who logs in.
            address: Where the client is, without its port.
        """
        if _SURROGATE.search(user):
            return succeed(Verdict(allowed=False, reason="the user is no text"))
        if self._settings.method is IamVerification.STS:
            return self._ask_sts(token, user, address)
        return self._check_with_keys(token, user, address)

    def use(self, digest: bytes, address: str, expires: float) -> Deferred[Refused | None]:
        """Use a token that somebody else has found good in every other way.

        See `UsedTokens.use`; never fails.
        """
        objection = self._used.use(digest, address, expires, self._now())
        return objection if isinstance(objection, Deferred) else succeed(objection)

    def _check_with_keys(self, text: str, user: str, address: str) -> Deferred[Verdict]:
        token = read_token(text)
        if isinstance(token, Refused):
            return succeed(_refusal(token))
        unfit = check_token(token, user, self._terms, self._now())
        if unfit is not None:
            return succeed(_refusal(unfit))
        key = find_signer(token, self._keys)
        if isinstance(key, Refused):
            return succeed(_refusal(key))
        return self._admit(token.presigned, key.principal, user, address)

    def _ask_sts(self, text: str, user: str, address: str) -> Deferred[Verdict]:
        token = read_sts_token(text)
        if isinstance(token, Refused):
            return succeed(_refusal(token))
        request = check_sts_token(
            token,
            user,
            self._terms.hosts,
            self._endpoints,
            self._now(),
            self._terms.clock_skew_seconds,
        )
        if isinstance(request, Refused):
            return succeed(_refusal(request))
        resource = self._resource(self._settings.account or "", user)
        if not self._policies.might_allow(resource):
            return succeed(Verdict(allowed=False, reason=unmentioned(resource)))
        place = unmapped(address)
        full = self._fullness(place)
        if full is not None:
            return succeed(_refusal(full))
        self._questions[place] += 1
        asking = maybeDeferred(self._run_in_thread, ask, request.url, request.headers)
        asking.addBoth(self._answered, place)
        return asking.addCallback(self._conclude, token.presigned, user, address)

    def _fullness(self, place: str) -> Refused | None:
        """Why STS is not asked one question more."""
        if self._questions.total() >= MOST_QUESTIONS:
            reason = f"STS has {MOST_QUESTIONS} questions to answer already"
        elif self._questions[place] >= MOST_QUESTIONS_OF_ONE:
            reason = f"STS has {MOST_QUESTIONS_OF_ONE} questions for this address already"
        else:
            return None
        return Refused(reason, is_our_fault=True)

    def _answered(
        self, answer: Identity | Refused | Failure, place: str
    ) -> Identity | Refused | Failure:
        self._questions[place] -= 1
        if not self._questions[place]:
            del self._questions[place]
        if not isinstance(answer, Failure) or isinstance(answer.value, CancelledError):
            return answer
        # Not its text: it may quote what was sent.
        reason = f"STS was not asked: {type(answer.value).__name__}"
        return Refused(reason, is_our_fault=True)

    def _conclude(
        self, answer: Identity | Refused, presigned: Presigned, user: str, address: str
    ) -> Deferred[Verdict]:
        if isinstance(answer, Refused):
            return succeed(_refusal(answer))
        return self._admit(presigned, answer.arn, user, address)

    def _admit(
        self, presigned: Presigned, principal: str, user: str, address: str
    ) -> Deferred[Verdict]:
        """Ask the policies; only what they allow counts as a use of the token."""
        settings = self._settings
        account = account_of(principal)
        if settings.account not in {None, account}:
            reason = f"the principal is of the account {account}, and not of ours"
            return succeed(Verdict(allowed=False, reason=reason, principal=principal))
        decision = self._policies.decide(principal, self._resource(account, user))
        if not decision.allowed:
            refusal = Verdict(allowed=False, reason=decision.reason, principal=principal)
            return succeed(refusal)
        allowed = Verdict(allowed=True, reason=decision.reason, principal=principal)
        using = self.use(presigned.digest, address, presigned.expires)
        return using.addCallback(_judge_use, allowed)

    def _resource(self, account: str, user: str) -> str:
        settings = self._settings
        return login_resource(
            settings.partition, settings.region, account, settings.resource_id, user
        )


def _judge_use(objection: Refused | None, allowed: Verdict) -> Verdict:
    """What becomes of a login that is allowed, unless the token was used before."""
    return allowed if objection is None else _refusal(objection, allowed.principal)


def _refusal(refused: Refused, principal: str = "") -> Verdict:
    return Verdict(
        allowed=False,
        reason=refused.reason,
        principal=principal,
        is_our_fault=refused.is_our_fault,
    )
