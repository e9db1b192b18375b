"""Users whose passwords are in AWS Secrets Manager, one secret for each user."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import attrs
from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred, succeed

from proxy.credentials.cached import CachedSecret, Freshness, SecretCounters
from proxy.credentials.gate import Gate
from proxy.credentials.secrets_manager import SecretVersion
from proxy.credentials.source import Credential, MakeCredential
from proxy.net.clock import Clock
from proxy.observe.log import get_logger

__all__ = ["Freshness", "SecretCounters", "SecretEntry", "SecretsSource"]

OnChange = Callable[[tuple[str, ...]], None]
_Known: TypeAlias = Mapping[str, tuple[CachedSecret, Credential]]

_CLONE = "_clone"

_STRANGER = "a secret is of another user than its entry says, and is not used"
_TWICE = "a user has a secret in an earlier entry already; this one is not used"


@attrs.frozen
class SecretEntry:
    """A secret of the configuration.

    Attributes:
        secret_id: Its ARN or name.
        make: Makes a credential of a user and passwords.
        username: Whose secret it is meant to be; None: whoever it says.
    """

    secret_id: str
    make: MakeCredential
    username: str | None = None


class SecretsSource:
    """Users and passwords of secrets that are read again now and then."""

    def __init__(
        self,
        entries: Sequence[SecretEntry],
        fetch: Callable[[str, str], Deferred[SecretVersion | None]],
        freshness: Freshness,
        *,
        clock: Clock,
        now: Callable[[], float],
        random: Callable[[], float],
        counters: SecretCounters,
        on_change: OnChange = lambda _users: None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        """Do nothing yet.

        Args:
            entries: The secrets; where two have the same user, the first one counts.
            fetch: Reads a secret's version with a stage, None where there is none; see
                `proxy.credentials.secrets_manager.SecretsManager.fetch`.
            freshness: How long what is known of a secret is good.
            clock: For pauses.
            now: The time of day in POSIX seconds.
            random: A number from 0 up to 1.
            counters: Where reads are counted.
            on_change: Is told users whose passwords changed, when `known` has the new ones;
                gone users and new ones too, but not those that a first answer brought.
            log: Says which proxy this is for.
        """
        self._clock = clock
        self._on_change = on_change
        self._log = log or get_logger()
        gate = Gate(clock)
        self._secrets = [
            CachedSecret(
                entry.secret_id,
                partial(fetch, entry.secret_id),
                freshness,
                clock=clock,
                now=now,
                random=random,
                counters=counters,
                gate=gate,
                on_change=lambda _users: self._changed(),
                log=log,
            )
            for entry in entries
        ]
        self._entries = list(zip(entries, self._secrets, strict=True))
        self._known: _Known = {}
        self._waiting: dict[Deferred[Credential | None], str] = {}
        self._complained: set[tuple[str, str, str]] = set()
        self._started = clock.seconds()
        # Nobody outside can say which secret is read again for a name that there is not.
        self._key = os.urandom(16)

    def __repr__(self) -> str:
        """How many secrets and users; nothing else of them."""
        return f"<SecretsSource of {len(self._secrets)} secrets, {len(self._known)} users>"

    def start(self) -> None:
        """Begin to read all secrets."""
        self._started = self._clock.seconds()
        for secret in self._secrets:
            secret.start().addCallback(lambda _: self._arrived())

    def stop(self) -> None:
        """Read none any more; who waits for a user hears what is known."""
        for secret in self._secrets:
            secret.stop()

    def known(self, user: str) -> Credential | None:
        """See `CredentialSource`."""
        return _credential(self._known, user)

    def find(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`; waits for secrets that have not been answered yet."""
        if user in self._known or self._all_answered():
            return succeed(self.known(user))
        waiter: Deferred[Credential | None] = Deferred(self._forget)
        self._waiting[waiter] = user
        return waiter

    def _forget(self, waiter: Deferred[Credential | None]) -> None:
        self._waiting.pop(waiter, None)

    def refresh(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`; for an unknown name one of the secrets is read again."""
        if not self._secrets:
            return succeed(None)
        secret = self._secret_of(user) or self._stand_in(user)
        return secret.refresh().addCallback(lambda _: self.known(user))

    def claims(self, user: str) -> bool:
        """See `proxy.credentials.directory.Claiming`: also who cannot be known at present.

        That is whom an entry names, whom a secret had when it could be read last, and the other
        user of a rotation that alternates two.
        """
        return self._secret_of(user) is not None

    def users(self) -> tuple[str, ...]:
        """See `CredentialSource`: in the order of the entries."""
        return tuple(self._known)

    def troubles(self) -> Iterator[tuple[str, str]]:
        """Secrets that are of no use now, each with a sentence that says why."""
        for entry, secret in self._entries:
            if secret.trouble:
                yield entry.secret_id, secret.trouble
            elif _is_strange(entry, secret):
                yield (
                    entry.secret_id,
                    f"it is of the user {secret.user!r}, not {entry.username!r}",
                )

    @property
    def oldest_success_age(self) -> float:
        """How many seconds ago the secret was read whose last success is longest ago.

        One that could never be read counts from the start.
        """
        now = self._clock.seconds()
        times = [
            self._started if secret.succeeded is None else secret.succeeded
            for secret in self._secrets
        ]
        return now - min(times, default=now)

    def _secret_of(self, user: str) -> CachedSecret | None:
        """The secret that a user belongs to, whether its password is known now or not."""
        known = self._known.get(user)
        if known:
            return known[0]
        names = {user, other_of_pair(user)}
        for entry, secret in self._entries:
            if user == entry.username or (
                entry.username is None and not names.isdisjoint(secret.last_users)
            ):
                return secret
        return None

    def _stand_in(self, user: str) -> CachedSecret:
        digest = hashlib.blake2b(user.encode("utf-8", "surrogatepass"), key=self._key)
        return self._secrets[int.from_bytes(digest.digest()[:8]) % len(self._secrets)]

    def _all_answered(self) -> bool:
        return all(secret.answered for secret in self._secrets)

    def _arrived(self) -> None:
        """Take a first answer; only who was served before can have other passwords now."""
        before = self._known
        changed = self._gather()
        self._wake()
        self._tell(tuple(user for user in changed if user in before))

    def _changed(self) -> None:
        changed = self._gather()
        self._wake()
        self._tell(changed)

    def _tell(self, users: tuple[str, ...]) -> None:
        if users:
            self._on_change(users)

    def _wake(self) -> None:
        done = self._all_answered()
        for waiter, user in [*self._waiting.items()]:
            # Who hears of it may make another one give up.
            if (done or user in self._known) and self._waiting.pop(waiter, None) is not None:
                waiter.callback(self.known(user))

    def _gather(self) -> tuple[str, ...]:
        """Put together all users; those who have other passwords than before."""
        before = self._known
        known: dict[str, tuple[CachedSecret, Credential]] = {}
        complaints: set[tuple[str, str, str]] = set()
        for entry, secret in self._entries:
            if _is_strange(entry, secret):
                complaints.add((_STRANGER, entry.secret_id, secret.user or ""))
                continue
            for user, passwords in secret.accounts.items():
                if entry.username not in {None, user}:
                    continue  # the other one of a rotation that alternates users
                if user in known:
                    complaints.add((_TWICE, entry.secret_id, user))
                    continue
                old = before.get(user)
                if old and old[0] is secret and old[1].passwords == passwords:
                    known[user] = old
                else:
                    known[user] = (secret, entry.make(user, passwords))
        self._known = known
        self._complain(complaints)
        users = dict.fromkeys((*before, *known))
        return tuple(
            user for user in users if _credential(before, user) != _credential(known, user)
        )

    def _complain(self, complaints: set[tuple[str, str, str]]) -> None:
        for sentence, secret_id, user in sorted(complaints - self._complained):
            if sentence == _STRANGER:
                self._log.error(sentence, secret_id=secret_id, user=user)
            else:
                self._log.warning(sentence, secret_id=secret_id, user=user)
        self._complained = complaints


def _is_strange(entry: SecretEntry, secret: CachedSecret) -> bool:
    """Whether a secret is of another user than its entry says."""
    return entry.username is not None and secret.user not in {None, entry.username}


def other_of_pair(user: str) -> str:
    """The other user of a rotation that alternates two, by AWS's own names for them.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets-two-users.html
    """
    return user.removesuffix(_CLONE) if user.endswith(_CLONE) else user + _CLONE


def _credential(known: _Known, user: str) -> Credential | None:
    found = known.get(user)
    return found[1] if found else None
