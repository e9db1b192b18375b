"""All users of a proxy, wherever their passwords come from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from twisted.internet.defer import Deferred

from proxy.config.auth import IamAuth
from proxy.credentials.source import Credential, CredentialSource


@runtime_checkable
class Claiming(Protocol):
    """A source that says which users are its own, although it may know no password of them."""

    def claims(self, user: str) -> bool:
        """Whether no other source has to say anything of this user."""


class Directory:
    """Looks a user up in several sources: the first one that knows or claims it holds.

    Args:
        sources: In the order in which they are asked.
        takes_all: Whether users whom no source knows log in with IAM tokens (RDS Proxy's
            DefaultAuthScheme IAM_AUTH).
    """

    def __init__(self, sources: Sequence[CredentialSource], *, takes_all: bool = False) -> None:
        self._sources = sources
        self._takes_all = takes_all
        # Nobody outside can say which source looks anew for a name that there is not.
        self._key = os.urandom(16)

    def __repr__(self) -> str:
        """Its sources."""
        return f"<Directory {self._sources!r}>"

    def replace(self, sources: Sequence[CredentialSource], *, takes_all: bool) -> None:
        """Ask these sources from now on."""
        self._sources = sources
        self._takes_all = takes_all

    def known(self, user: str) -> Credential | None:
        """See `CredentialSource`."""
        for source in self._sources:
            credential = source.known(user)
            if credential is not None or _claims(source, user):
                return credential
        return None

    def find(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`."""
        return Deferred.fromCoroutine(self._find(user))

    async def _find(self, user: str) -> Credential | None:
        sources = self._sources
        for source in sources:
            credential = source.known(user) or await source.find(user)
            if credential is not None or _claims(source, user):
                return credential
        if sources is not self._sources:
            return await self._find(user)  # those that were asked know nobody any more
        return self._anybody(user)

    def refresh(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`."""
        return Deferred.fromCoroutine(self._refresh(user))

    async def _refresh(self, user: str) -> Credential | None:
        """Asks one source, whoever it is: the time that it takes tells nobody more.

        Some sources answer at once and others after a while, so that a stranger always belongs
        to the same one.
        """
        if not self._sources:
            return self._anybody(user)
        credential = await self._source_of(user).refresh(user)
        # Another source may have heard of it on its own meanwhile.
        credential = credential or self.known(user)
        if credential is None and not any(_claims(source, user) for source in self._sources):
            return self._anybody(user)
        return credential

    def _source_of(self, user: str) -> CredentialSource:
        for source in self._sources:
            if source.known(user) is not None or _claims(source, user):
                return source
        name = user.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(name, key=self._key).digest()
        return self._sources[int.from_bytes(digest[:8]) % len(self._sources)]

    def _anybody(self, user: str) -> Credential | None:
        return Credential(user, (), iam_auth=IamAuth.REQUIRED) if self._takes_all else None

    def users(self) -> tuple[str, ...]:
        """See `CredentialSource`; those who are for monitors come last."""
        users = dict.fromkeys(user for source in self._sources for user in source.users())
        return tuple(sorted(users, key=self._is_for_monitor))

    def _is_for_monitor(self, user: str) -> bool:
        credential = self.known(user)
        return credential is not None and credential.for_monitor


def _claims(source: CredentialSource, user: str) -> bool:
    return isinstance(source, Claiming) and source.claims(user)
