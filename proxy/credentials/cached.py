"""What is known of one secret, and when it is read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs
from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from proxy.credentials.aws_errors import AwsUnavailableError
from proxy.credentials.gate import Gate
from proxy.credentials.secret_value import SecretUnusableError
from proxy.credentials.secrets_manager import CURRENT, PENDING, PREVIOUS, SecretVersion
from proxy.credentials.versions import Passwords, Versions
from proxy.net.clock import Clock, Timer, cancel
from proxy.observe.log import get_logger

REFETCH_PAUSE_SECONDS = 2.0
"""Between two reads of a secret: whoever tries passwords must not make a call to AWS with each,
and a client that comes with a new password does not give up in this time."""

FIRST_RETRY_SECONDS = 2.0
"""After the first failure, then twice as long each time: most outages are short."""

FIRST_FOLLOW_SECONDS = 2.0
"""After a pending version was seen first; then as long again as it has been there.  Most
rotations end within seconds, and connections of the old password with them; one that was given
up leaves its version for good."""

LONGEST_RETRY_SECONDS = 60.0
"""The pauses grow no further: an operator who has mended a policy sees it work in a minute."""

RETELL_SECONDS = 60.0
"""An outage that goes on is told again so often: it is seen, and does not fill a log."""

JITTER = 0.1
"""Refreshes come earlier or later by up to this part, lest all proxies ask AWS at once."""

_DOUBLINGS = 10
"""More of them change nothing, and the power of two stays small."""


@attrs.frozen(kw_only=True)
class Freshness:
    """How long what is known of a secret is good; in seconds.

    Attributes:
        refresh_interval_seconds: Between two looks, give or take `JITTER`.
        stale_limit_seconds: How long a value is used on while AWS is away.
        password_overlap_seconds: How long the previous password is good, counted from when the
            current version was written.
    """

    refresh_interval_seconds: float
    stale_limit_seconds: float
    password_overlap_seconds: float


class SecretCounters(Protocol):
    """Reads of secrets are counted here; one read may ask for several versions."""

    secret_fetches: int
    secret_fetch_failures: int


class CachedSecret:
    """One secret, read now and then.

    Attributes:
        secret_id: Its ARN or name.
        accounts: Whose passwords it has now.  Not to be changed.
        answered: Whether AWS has answered once, or failed to.
        succeeded: When it could be read last, by the clock; None: never.
        trouble: Why it could not be read the last time; empty when it could.
    """

    def __init__(
        self,
        secret_id: str,
        fetch: Callable[[str], Deferred[SecretVersion | None]],
        freshness: Freshness,
        *,
        clock: Clock,
        now: Callable[[], float],
        random: Callable[[], float],
        counters: SecretCounters,
        gate: Gate,
        on_change: Callable[[tuple[str, ...]], None] = lambda _users: None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        """Do nothing yet.

        Args:
            secret_id: Its ARN or name.
            fetch: Reads the version with a stage; None where there is none.
            freshness: How long what is known is good.
            clock: For pauses.
            now: The time of day in POSIX seconds, as AWS' clock has it.
            random: A number from 0 up to 1.
            counters: Where reads are counted.
            gate: That looks go through which somebody wishes; those of the interval do not.
            on_change: Is told users whose passwords changed, new and gone ones too; not what
                the first answer brought.
            log: Says which proxy this is for.
        """
        self.secret_id = secret_id
        self.accounts: Passwords = {}
        self.answered = False
        self.succeeded: float | None = None
        self.trouble = ""
        self._fetch = fetch
        self._freshness = freshness
        self._clock = clock
        self._now = now
        self._random = random
        self._counters = counters
        self._on_change = on_change
        self._gate = gate
        self._log = (log or get_logger()).bind(secret_id=secret_id)
        self._versions: Versions | None = None
        self._previous_of = ""
        self._pending_since = 0.0
        self._suspected = False
        self._busy = False
        self._reading: Deferred[None] | None = None
        self._waiters: dict[Deferred[None], None] = {}
        self._late: dict[Deferred[None], None] = {}
        self._next: Timer | None = None
        self._wished: Timer | None = None
        self._review: Timer | None = None
        self._ended: float | None = None
        self._failures = 0
        self._told: float | None = None
        self._stale = False
        self._stopped = False

    def __repr__(self) -> str:
        """Says what an operator would ask."""
        return f"<CachedSecret {self.secret_id!r}: {len(self.accounts)} users>"

    @property
    def user(self) -> str | None:
        """The user of the current version; None before there is one, and when it is stale."""
        if self._versions is None or not self.accounts:
            return None
        return self._versions.current.value.username

    @property
    def last_users(self) -> frozenset[str]:
        """Whose it was when it could be read last, however long ago."""
        return frozenset() if self._versions is None else self._versions.users

    def start(self) -> Deferred[None]:
        """Begin to read it now and then.

        Returns:
            Fires at the first answer, whether AWS gave one or not.
        """
        waiter = self._wait(self._waiters)
        self._look()
        return waiter

    def stop(self) -> None:
        """Read it no more; whoever waits has what is known."""
        self._stopped = True
        cancel(self._next)
        cancel(self._review)
        self._wish_no_more()
        if self._reading is not None:
            self._reading.cancel()
        self._waiters |= self._late
        self._late = {}
        self._settle()

    def refresh(self) -> Deferred[None]:
        """Look again: a password that it has was refused, or one that it has not was used.

        The look is shared with all who want one, comes `REFETCH_PAUSE_SECONDS` after the last
        one at the earliest, and goes through the gate.  One that is under way may have read
        what was before: there is another one after it.

        Returns:
            Fires when `accounts` has what was found, or what was known if AWS is away.
        """
        if self._stopped:
            return succeed(None)
        if self._busy:
            return self._wait(self._late)
        waiter = self._wait(self._waiters)
        self._wish()
        return waiter

    def _wait(self, waiters: dict[Deferred[None], None]) -> Deferred[None]:
        """Be told with these; who gives up is forgotten, wherever it has got to."""

        def leave(gone: Deferred[None]) -> None:
            self._late.pop(gone, None)
            self._waiters.pop(gone, None)

        waiter: Deferred[None] = Deferred(leave)
        waiters[waiter] = None
        return waiter

    def _wish(self) -> None:
        """Look as soon as the pause is over and the gate open."""
        self._suspected = True
        cancel(self._wished)
        pause = 0.0
        if self._ended is not None:
            pause = self._ended + REFETCH_PAUSE_SECONDS - self._clock.seconds()
        if pause > 0:
            self._wished = self._clock.callLater(pause, self._enter)
        else:
            self._enter()

    def _enter(self) -> None:
        self._gate.enter(self._look)

    def _wish_no_more(self) -> None:
        cancel(self._wished)
        self._gate.leave(self._look)

    def _look_in(self, seconds: float) -> None:
        cancel(self._next)
        self._next = self._clock.callLater(seconds, self._look)

    def _look(self) -> None:
        cancel(self._next)
        self._wish_no_more()
        self._busy = True
        self._counters.secret_fetches += 1
        self._reading = (
            Deferred.fromCoroutine(self._read())
            .addCallbacks(self._found, self._failed)
            .addErrback(self._mistaken)
        )

    async def _read(self) -> Versions:
        current = await self._fetch(CURRENT)
        if current is None:
            raise SecretUnusableError("it has no current version")
        known = self._versions
        same = known is not None and known.current.version_id == current.version_id
        previous = await self._previous(current, known, same=same)
        held = known.pending if known and same else None
        pending = None
        # What is held is asked for again, so that a rotation that was given up is forgotten.
        if self._suspected or held is not None:
            try:
                pending = await self._optional(PENDING)
            except AwsUnavailableError:
                pending = held
        if pending is not None and pending.version_id == current.version_id:
            pending = None  # rotations leave the label where it was
        return Versions(current, pending, previous)

    async def _previous(
        self, current: SecretVersion, known: Versions | None, *, same: bool
    ) -> SecretVersion | None:
        if known and current.version_id == self._previous_of:
            return known.previous
        if self._overlap_left(current) <= 0:
            return None
        try:
            previous = await self._optional(PREVIOUS)
        except AwsUnavailableError:
            # The next look asks again; until then what was current is the best there is.
            if known is None:
                return None
            return known.previous if same else known.current
        self._previous_of = current.version_id
        return previous

    async def _optional(self, stage: str) -> SecretVersion | None:
        """A version that need not be there, or of any use."""
        try:
            return await self._fetch(stage)
        except SecretUnusableError:
            return None

    def _overlap_left(self, current: SecretVersion) -> float:
        """For how many seconds the password before this version is good yet."""
        return current.created + self._freshness.password_overlap_seconds - self._now()

    def _found(self, versions: Versions) -> None:
        if self._stopped:
            return
        if self._failures:
            self._log.info("a secret can be read again", failures=self._failures)
        self._failures, self._told, self._stale, self.trouble = 0, None, False, ""
        before, self._versions = self._versions, versions
        self.succeeded = self._clock.seconds()
        pause = self._freshness.refresh_interval_seconds
        if versions.pending is not None:
            if before is None or before.pending != versions.pending:
                self._pending_since = self.succeeded
            lasts = self.succeeded - self._pending_since
            pause = min(pause, max(lasts, FIRST_FOLLOW_SECONDS))
        self._over(pause)

    def _failed(self, failure: Failure) -> None:
        if self._stopped:
            return
        doublings = min(self._failures, _DOUBLINGS)
        self._failures += 1
        self._counters.secret_fetch_failures += 1
        if isinstance(failure.value, AwsUnavailableError | SecretUnusableError):
            self.trouble = failure.value.why
            self._tell()
        else:
            self.trouble = f"a mistake of the proxy ({type(failure.value).__name__})"
            self._mistaken(failure)
        pause = min(FIRST_RETRY_SECONDS * 2**doublings, LONGEST_RETRY_SECONDS)
        self._over(min(pause, self._freshness.refresh_interval_seconds))

    def _mistaken(self, failure: Failure) -> None:
        """Tell of a mistake of our own; its message may have anything in it."""
        self._log.error("a mistake while reading a secret", kind=type(failure.value).__name__)

    def _tell(self) -> None:
        seconds = self._clock.seconds()
        if self._told is not None and seconds - self._told < RETELL_SECONDS:
            return
        self._told, why = seconds, self.trouble
        if self.accounts:
            self._log.warning("a secret cannot be read; what was known is used on", why=why)
        else:
            self._log.warning("a secret cannot be read; its users cannot log in", why=why)

    def _over(self, seconds: float) -> None:
        """End a look; the next one is in so many seconds, give or take."""
        self._busy, self._suspected = False, False
        self._ended = self._clock.seconds()
        self._look_in(seconds * (1 - JITTER + 2 * JITTER * self._random()))
        late, self._late = self._late, {}
        if late:
            self._wish()
        self._settle(late)

    def _settle(self, late: dict[Deferred[None], None] | None = None) -> None:
        """Say what is known now, to all who wait for it; those who came late wait on."""
        first, self.answered = not self.answered, True
        waiters, self._waiters = self._waiters, late or {}
        changed = self._update()
        try:
            if changed and not first:
                self._on_change(changed)
        finally:
            for waiter in waiters:
                waiter.callback(None)

    def _reviewed(self) -> None:
        changed = self._update()
        if changed:
            self._on_change(changed)

    def _update(self) -> tuple[str, ...]:
        """Put together who may log in at this time; the users who may with something else."""
        cancel(self._review)
        before, self.accounts = self.accounts, {}
        delays = []
        if self._versions is not None and not self._is_stale():
            left = self._overlap_left(self._versions.current)
            self.accounts = self._versions.accounts(with_previous=left > 0)
            if self._versions.previous is not None and left > 0:
                delays.append(left)
            if self._failures:
                delays.append(self._staleness())
        if delays and not self._stopped:
            self._review = self._clock.callLater(min(delays), self._reviewed)
        users = dict.fromkeys((*before, *self.accounts))
        return tuple(user for user in users if before.get(user) != self.accounts.get(user))

    def _is_stale(self) -> bool:
        stale = self._failures > 0 and self._staleness() <= 0
        if stale and not self._stale:
            self._log.error("a secret could not be read for too long; its users cannot log in")
        self._stale = stale
        return stale

    def _staleness(self) -> float:
        """In how many seconds what is known may not be used any more."""
        assert self.succeeded is not None
        end = self.succeeded + self._freshness.stale_limit_seconds
        return end - self._clock.seconds()
