"""Users of AWS Secrets Manager for several processes: one reads, the others are told.

Whoever reads has `SharedSecrets`, which decides when secrets are read, for all.  Whoever is
told has `ToldSecrets`, and asks the other one to look anew where a password was refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed

from proxy.credentials.secrets_source import (
    OnChange,
    SecretEntry,
    SecretsSource,
    other_of_pair,
)
from proxy.credentials.source import Credential


def key_of(proxy: str, *settings: object) -> str:
    """A name for the secrets of a proxy, the same in each process of that configuration.

    Args:
        proxy: Whose they are.
        settings: All that decides whether a reload reads them anew.  Two that read side by
            side, until it is known whether the reload is refused, have names of their own.
    """
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=16)
    return f"{proxy} {digest.hexdigest()}"


def _nobody(_: SharedSecrets) -> None:
    """There is nobody else in a process that serves by itself."""


class SharedSecrets(SecretsSource):
    """Reads, and lets others know, if there are any.

    Attributes:
        key: See `key_of`.
        on_told: Called with this when there is something to be told.
        on_over: Called with this when it reads no more.
    """

    key = ""
    on_told: Callable[[SharedSecrets], None] = staticmethod(_nobody)
    on_over: Callable[[SharedSecrets], None] = staticmethod(_nobody)

    def share(
        self,
        key: str,
        on_told: Callable[[SharedSecrets], None],
        on_over: Callable[[SharedSecrets], None],
    ) -> None:
        """Let others know from now on; before `start`."""
        self.key, self.on_told, self.on_over = key, on_told, on_over

    def start(self) -> None:
        """See `SecretsSource`."""
        super().start()
        self.on_told(self)

    def stop(self) -> None:
        """See `SecretsSource`."""
        super().stop()
        self.on_over(self)

    def _gather(self) -> tuple[str, ...]:
        changed = super()._gather()
        self.on_told(self)
        return changed

    def told(self) -> dict[str, Any]:
        """All that others need to know, passwords among it, as JSON has it.

        users: Of each the number of its entry and its passwords.
        last: Of each entry whose its secret was when it could be read last.
        answered: Whether there has been an answer, good or bad, for all entries.
        """
        places = {secret: place for place, (_, secret) in enumerate(self._entries)}
        return {
            "users": {
                user: (places[secret], credential.passwords)
                for user, (secret, credential) in self._known.items()
            },
            "last": [sorted(secret.last_users) for _, secret in self._entries],
            "answered": self._all_answered(),
        }


class ToldSecrets:
    """Knows what it was told; see `CredentialSource` and `Claiming`."""

    def __init__(
        self,
        key: str,
        entries: Sequence[SecretEntry],
        begin: Callable[[ToldSecrets], None],
        end: Callable[[ToldSecrets], None],
        ask: Callable[[str, str], Awaitable[None]],
        on_change: OnChange,
    ) -> None:
        """Know nothing yet.

        Args:
            key: See `key_of`.
            entries: The secrets.
            begin: Has `take_up` called with what is there, and with all that comes.
            end: Ends that.
            ask: Has the secret of a user read anew (key, user); back when all is told.
            on_change: Is told users whose passwords changed, but not those of a first answer.
        """
        self.key = key
        self._entries = entries
        self._begin = begin
        self._end = end
        self._ask = ask
        self._on_change = on_change
        self._known: dict[str, Credential] = {}
        self._last: Sequence[Sequence[str]] = [() for _ in entries]
        self._answered = self._stopped = False
        self._waiting: dict[Deferred[Credential | None], str] = {}

    def __repr__(self) -> str:
        """How many secrets and users; nothing else of them."""
        return f"<ToldSecrets of {len(self._entries)} secrets, {len(self._known)} users>"

    def start(self) -> None:
        """Begin to listen."""
        self._begin(self)

    def stop(self) -> None:
        """Listen no more; who waits for a user hears what is known."""
        self._stopped = True
        self._end(self)
        self._wake()

    def take_up(self, told: Mapping[str, Any]) -> None:
        """All that is known now; see `SharedSecrets.told`."""
        before, was_answered = self._known, self._answered
        self._known = {
            user: self._entries[place].make(user, tuple(passwords))
            for user, (place, passwords) in told["users"].items()
        }
        self._last, self._answered = told["last"], told["answered"]
        self._wake()
        changed = tuple(
            user
            for user in dict.fromkeys((*before, *self._known))
            if before.get(user) != self._known.get(user) and (was_answered or user in before)
        )
        if changed:
            self._on_change(changed)

    def _wake(self) -> None:
        done = self._answered or self._stopped
        for waiter, user in [*self._waiting.items()]:
            # Who hears of it may make another one give up.
            if (done or user in self._known) and self._waiting.pop(waiter, None) is not None:
                waiter.callback(self.known(user))

    def known(self, user: str) -> Credential | None:
        """See `CredentialSource`."""
        return self._known.get(user)

    def find(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`; waits for secrets that have not been answered yet."""
        if user in self._known or self._answered or self._stopped:
            return succeed(self.known(user))
        waiter: Deferred[Credential | None] = Deferred(self._forget)
        self._waiting[waiter] = user
        return waiter

    def _forget(self, waiter: Deferred[Credential | None]) -> None:
        self._waiting.pop(waiter, None)

    def refresh(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`: whoever reads decides when, for all who want it."""
        if self._stopped:
            return succeed(self.known(user))
        return Deferred.fromCoroutine(self._refresh(user))

    async def _refresh(self, user: str) -> Credential | None:
        await self._ask(self.key, user)
        return self.known(user)

    def claims(self, user: str) -> bool:
        """See `SecretsSource.claims`."""
        if user in self._known:
            return True
        names = {user, other_of_pair(user)}
        return any(
            user == entry.username or (entry.username is None and not names.isdisjoint(last))
            for entry, last in zip(self._entries, self._last, strict=True)
        )

    def users(self) -> tuple[str, ...]:
        """See `CredentialSource`: in the order of the entries."""
        return tuple(self._known)
