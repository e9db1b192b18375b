"""All users of a proxy, wherever their passwords come from."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred

from proxy.config.auth import IamAuth
from proxy.credentials.source import Credential, CredentialSource


class Directory:
    """Looks a user up in several sources: the first one that knows it holds.

    Args:
        sources: In the order in which they are asked.
        takes_all: Whether users whom no source knows log in with IAM tokens (RDS Proxy's
            DefaultAuthScheme IAM_AUTH).
    """

    def __init__(self, sources: Sequence[CredentialSource], *, takes_all: bool = False) -> None:
        self._sources = sources
        self._takes_all = takes_all

    def __repr__(self) -> str:
        """Its sources."""
        return f"<Directory {self._sources!r}>"

    def known(self, user: str) -> Credential | None:
        """See `CredentialSource`."""
        for source in self._sources:
            credential = source.known(user)
            if credential is not None:
                return credential
        return None

    def find(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`."""
        return Deferred.fromCoroutine(self._find(user))

    async def _find(self, user: str) -> Credential | None:
        for source in self._sources:
            credential = source.known(user) or await source.find(user)
            if credential is not None:
                return credential
        return self._anybody(user)

    def refresh(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`."""
        return Deferred.fromCoroutine(self._refresh(user))

    async def _refresh(self, user: str) -> Credential | None:
        """Asks the source that knows the user; where none does, all of them."""
        knowing = [source for source in self._sources if source.known(user) is not None][:1]
        for source in knowing or self._sources:
            credential = await source.refresh(user)
            if credential is not None:
                return credential
        return self._anybody(user)

    def _anybody(self, user: str) -> Credential | None:
        return Credential(user, (), iam_auth=IamAuth.REQUIRED) if self._takes_all else None

    def users(self) -> tuple[str, ...]:
        """See `CredentialSource`."""
        return tuple(dict.fromkeys(user for source in self._sources for user in source.users()))
