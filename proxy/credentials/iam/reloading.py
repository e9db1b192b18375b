"""Keys and policies in files, which are read again when they change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from proxy.credentials.iam.document import PolicyUnusableError, load_policies
from proxy.credentials.iam.keys import AccessKeysUnusableError, load_access_keys
from proxy.credentials.iam.used_tokens import UsedTokens
from proxy.credentials.iam.verify import IamSettings, TokenVerifier, Verdict
from proxy.observe.log import get_logger


class ReloadingVerifier:
    """Verifies tokens by what the files say by now; a broken file leaves what was known."""

    def __init__(
        self,
        settings: IamSettings,
        access_keys: Path | None,
        policies: Sequence[Path],
        run_in_thread: Callable[..., Deferred[Any]],
        now: Callable[[], float],
    ) -> None:
        """Read the files; blocks.

        Raises:
            AccessKeysUnusableError: the keys cannot be read or used.
            PolicyUnusableError: a policy cannot.
            ValueError: see `TokenVerifier`.
        """
        self._settings = settings
        self._access_keys = access_keys
        self._policies = policies
        self._run_in_thread = run_in_thread
        self._now = now
        self._log = get_logger()
        self._seen = self._versions()
        self._verifier = self._load(None)

    def __repr__(self) -> str:
        """What it verifies with."""
        return f"<ReloadingVerifier {self._verifier!r}>"

    def verify(self, token: str, user: str, address: str) -> Deferred[Verdict]:
        """See `TokenVerifier.verify`."""
        return self._verifier.verify(token, user, address)

    def look(self) -> None:
        """Take up files that have changed; called now and then."""
        seen = self._versions()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._verifier = self._load(self._verifier.used)
        except (AccessKeysUnusableError, PolicyUnusableError) as error:
            self._log.error(
                "changed access keys or policies cannot be used, the old ones stay",
                why=str(error),
            )
        else:
            self._log.info("changed access keys and policies are in use")

    def _load(self, used: UsedTokens | None) -> TokenVerifier:
        keys = {} if self._access_keys is None else load_access_keys(self._access_keys)
        policies = load_policies(self._policies)
        return TokenVerifier(
            self._settings, keys, policies, self._run_in_thread, self._now, used
        )

    def _versions(self) -> list[object]:
        paths = [*self._policies, *([self._access_keys] if self._access_keys else [])]
        return [_version(path) for path in paths]


def _version(path: Path) -> object:
    """What changes when a file is replaced or written anew."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
