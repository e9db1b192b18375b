"""Keys and policies in files, which are read again when they change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from proxy.credentials.aws_errors import AwsUnavailableError
from proxy.credentials.iam.document import PolicyUnusableError, load_policies
from proxy.credentials.iam.keys import AccessKey, AccessKeysUnusableError, load_access_keys
from proxy.credentials.iam.policy import Policies
from proxy.credentials.iam.presigned import Refused
from proxy.credentials.iam.used_tokens import TokenMemory
from proxy.credentials.iam.verify import IamSettings, TokenVerifier, Verdict
from proxy.credentials.reading import Reading, Run
from proxy.net.files import Watched, warn_of_readers
from proxy.observe.log import get_logger

_Content: TypeAlias = tuple[dict[str, AccessKey], Policies]


class ReloadingVerifier:
    """Verifies tokens by what the files say by now; a broken file leaves what was known."""

    def __init__(
        self,
        settings: IamSettings,
        access_keys: Path | None,
        policies: Sequence[Path],
        run_in_thread: Callable[..., Deferred[Any]],
        now: Callable[[], float],
        *,
        read: Run | None = None,
        log: FilteringBoundLogger | None = None,
        used: TokenMemory | None = None,
    ) -> None:
        """Read the files; blocks.

        Args:
            settings: See `TokenVerifier`.
            access_keys: A file of access keys; STS needs none.
            policies: Files of policies.
            run_in_thread: Calls a function with arguments, elsewhere; it asks STS.
            now: POSIX time.
            read: Calls what reads the files later on, in a thread; None: as `run_in_thread`.
            log: Says which proxy this is for.
            used: See `TokenVerifier`.

        Raises:
            AccessKeysUnusableError: the keys cannot be read or used.
            PolicyUnusableError: a policy cannot.
            ValueError: see `TokenVerifier`.
        """
        self._access_keys = access_keys
        self._policies = policies
        self._log = log or get_logger()
        self._reading: Reading[_Content | None] = Reading(read or run_in_thread)
        self._files = Watched([*policies, access_keys])
        self._lost = False
        self._verifier = TokenVerifier(settings, *self._read(), run_in_thread, now, used)

    def __repr__(self) -> str:
        """What it verifies with."""
        return f"<ReloadingVerifier {self._verifier!r}>"

    def verify(self, token: str, user: str, address: str) -> Deferred[Verdict]:
        """See `TokenVerifier.verify`."""
        return self._verifier.verify(token, user, address)

    def use(self, digest: bytes, address: str, expires: float) -> Deferred[Refused | None]:
        """See `TokenVerifier.use`."""
        return self._verifier.use(digest, address, expires)

    def look(self) -> None:
        """Take up files that have changed, soon; called now and then."""
        if self._reading.busy:
            return
        lost, self._lost = self._lost, False
        reading = self._reading.begin(partial(self._read_changed, lost=lost))
        reading.addCallbacks(self._take, self._keep).addErrback(self._mistaken)

    def _read_changed(self, *, lost: bool) -> _Content | None:
        """In a thread: None where nothing has changed since what was read last, if not lost."""
        return self._read() if self._files.changed() or lost else None

    def _read(self) -> _Content:
        keys: dict[str, AccessKey] = {}
        if self._access_keys is not None:
            keys = load_access_keys(self._access_keys)
            warn_of_readers(self._log, self._access_keys)
        return keys, load_policies(self._policies)

    def _take(self, content: _Content | None) -> None:
        if content is not None:
            self._verifier.renew(*content)
            self._log.info("changed access keys and policies are in use")

    def _keep(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, CancelledError):
            return  # the proxy stops
        if isinstance(error, AwsUnavailableError):
            self._lost = True
            why = "reading them takes too long"
        elif isinstance(error, AccessKeysUnusableError | PolicyUnusableError):
            why = str(error)
        else:
            failure.raiseException()
        self._log.error(
            "changed access keys or policies cannot be used, the old ones stay", why=why
        )

    def _mistaken(self, failure: Failure) -> None:
        """Tell of a mistake of our own; its message may have anything in it."""
        kind = type(failure.value).__name__
        self._log.error("a mistake while reading access keys or policies", kind=kind)
