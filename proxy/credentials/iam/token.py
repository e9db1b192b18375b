"""Tokens made: for a command line, and for the proxy's own login to a database with IAM."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import attrs
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.python.failure import Failure

from proxy.credentials.aws import RENEWAL_PAUSE_SECONDS

RENEW_SECONDS = 300.0
"""How long a token is used.  It is good for 15 minutes, or until the credentials behind it
expire, which botocore renews at least 10 minutes before.  Half of those are left for a clock
that differs from AWS's; to sign anew costs a millisecond."""

MOST_USERS = 1000
"""Whose tokens are kept, 2 KiB each: those who have waited longest for their turn go first."""


def token_signer(session: Any, host: str, port: int, region: str) -> Callable[[str], str]:
    """Make what makes tokens for the users of a database.

    To call it takes some 100 ms, because botocore reads what it knows of RDS.  What it returns
    may be called in several threads, and blocks when credentials have to be fetched.

    Args:
        session: Of botocore.
        host: Of the database or the proxy, as AWS calls it.
        port: Where it listens.
        region: Where it is.

    Raises:
        BotoCoreError: botocore cannot do it; the returned one also when it has no credentials.
    """
    client = session.create_client("rds", region_name=region)

    def sign(user: str) -> str:
        token: str = client.generate_db_auth_token(host, port, user, Region=region)
        return token

    return sign


def make_token(session: Any, host: str, port: int, user: str, region: str) -> str:
    """Make one token; see `token_signer`."""
    return token_signer(session, host, port, region)(user)


class RenewingSigner:
    """Signs with credentials that are read when they are needed, and read anew after a refusal.

    Whoever changes them in a file restarts no proxy.
    """

    def __init__(
        self,
        begin: Callable[[], Callable[[str], str]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read none yet.

        Args:
            begin: Makes a signer, as `token_signer` does, of a new session; may block and fail.
            monotonic: Seconds, of a clock that does not go back.
        """
        self._begin = begin
        self._monotonic = monotonic
        # A session is not made by two threads at once.
        self._lock = threading.Lock()
        self._sign: Callable[[str], str] | None = None
        self._renewed = -math.inf

    def __repr__(self) -> str:
        return f"<RenewingSigner: {'no ' if self._sign is None else 'a '}session>"

    def sign(self, user: str) -> str:
        """Make a token for a user; blocks, and may be called in several threads."""
        with self._lock:
            sign = self._sign or self._begin()
            self._sign = sign
        return sign(user)

    def renew(self) -> None:
        """Make a new session next time, at most every `RENEWAL_PAUSE_SECONDS`."""
        now = self._monotonic()
        if now - self._renewed >= RENEWAL_PAUSE_SECONDS:
            self._renewed = now
            self._sign = None


@attrs.frozen
class _Made:
    text: str = attrs.field(repr=False)
    at: float


class TokenMaker:
    """Keeps a token for each user, and makes a new one in time."""

    def __init__(
        self,
        make: Callable[[str], str],
        run_in_thread: Callable[..., Deferred[Any]],
        now: Callable[[], float],
        most_users: int = MOST_USERS,
        renew: Callable[[], None] = lambda: None,
    ) -> None:
        """Make no token yet.

        Args:
            make: Makes the token of a user; may block.
            run_in_thread: Calls a function with arguments, elsewhere.
            now: Seconds.
            most_users: Whose tokens are kept.
            renew: Is told that a token was refused, whatever it was made with.
        """
        self._make = make
        self._run_in_thread = run_in_thread
        self._now = now
        self._most_users = most_users
        self._renew = renew
        self._made: OrderedDict[str, _Made] = OrderedDict()
        self._waiting: dict[str, list[Deferred[str]]] = {}

    def __repr__(self) -> str:
        return f"<TokenMaker: {len(self._made)} tokens>"

    def token(self, user: str) -> Deferred[str]:
        """A token that is good for some minutes; fails as making it does.

        All who ask for one user while a token is being made get that one.
        """
        made = self._made.get(user)
        # A clock that went back says nothing of the age.
        if made is not None and 0 <= self._now() - made.at < RENEW_SECONDS:
            self._made.move_to_end(user)
            return succeed(made.text)
        waiter: Deferred[str] = Deferred()
        waiting = self._waiting.setdefault(user, [])
        waiting.append(waiter)
        if len(waiting) == 1:
            at = self._now()
            making = maybeDeferred(self._run_in_thread, self._make, user)
            making.addCallbacks(
                self._keep, self._fail, callbackArgs=(user, at), errbackArgs=(user,)
            )
        return waiter

    def forget(self, user: str) -> None:
        """Make a new token next time: a database has refused this one."""
        self._made.pop(user, None)
        self._renew()

    def _keep(self, text: str, user: str, at: float) -> None:
        self._made[user] = _Made(text, at)
        self._made.move_to_end(user)
        if len(self._made) > self._most_users:
            self._made.popitem(last=False)
        for waiter in self._waiting.pop(user):
            waiter.callback(text)

    def _fail(self, failure: Failure, user: str) -> None:
        for waiter in self._waiting.pop(user):
            waiter.errback(failure)
