"""As whom the proxy logs in to a target, and with which password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred

from proxy.credentials.aws_errors import explain
from proxy.credentials.source import Credential, CredentialSource
from proxy.dialogue.backend import Account
from proxy.errors import ACCESS_DENIED, BackendLostError, BackendRefusedError

T = TypeVar("T")


class TokenGiver(Protocol):
    """IAM tokens for logins at the target."""

    def token(self, user: str) -> Deferred[str]:
        """One that is good for some minutes."""

    def forget(self, user: str) -> None:
        """It was refused: make another one."""


class Accounts:
    """Logs in as the users of a source.

    While a password rotates there are several, and the target may have the new one sooner or
    later than we do: they are tried in turn, and when all are refused, looked up anew once.

    Attributes:
        tokens: Gives tokens for users without a password; None where there are none.
    """

    def __init__(self, credentials: CredentialSource, tokens: TokenGiver | None = None) -> None:
        self._credentials = credentials
        self.tokens = tokens

    def newest(self, user: str) -> str | None:
        """The password that connections of this user should have been opened with by now.

        None where nothing is known of it, and for a user whose passwords are tokens.
        """
        credential = self._credentials.known(user)
        return credential.passwords[0] if credential and credential.passwords else None

    async def log_in(
        self, user: str, shape: int, connect: Callable[[Account], Awaitable[T]]
    ) -> T:
        """Log in with the first password that the target takes.

        Args:
            user: As whom.
            shape: See `Account`.
            connect: Makes one attempt.

        Raises:
            BackendRefusedError: the target takes none.
            BackendLostError: there is none, or the target is not there.
        """
        tried: dict[str, BackendRefusedError] = {}
        for look_up in (self._credentials.find, self._credentials.refresh):
            for password in await self._passwords(user, await look_up(user)):
                if password in tried:
                    continue
                try:
                    return await connect(Account(user, password, shape))
                except BackendRefusedError as error:
                    if error.reply.code != ACCESS_DENIED:
                        raise
                    tried[password] = error
                    if self.tokens is not None:
                        self.tokens.forget(user)
        raise next(iter(tried.values()))

    async def _passwords(self, user: str, credential: Credential | None) -> tuple[str, ...]:
        if credential is None:
            raise BackendLostError(f"no password is known for user {user!r}")
        if credential.passwords:
            return credential.passwords
        if self.tokens is None:
            raise BackendLostError(f"there is no password for user {user!r}")
        try:
            return (await self.tokens.token(user),)
        except Exception as error:  # noqa: BLE001 - whatever it is that AWS lacks
            # Its own text may quote anything.
            why = explain(error).why
            raise BackendLostError(f"no IAM token for user {user!r}: {why}") from None
