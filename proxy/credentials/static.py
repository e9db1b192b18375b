"""Users and passwords from the configuration itself, from files and from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred, succeed

from proxy.config.auth import AuthEntry
from proxy.credentials.source import Credential, credential_maker
from proxy.net.files import FileUnreadableError, first_line, warn_of_readers
from proxy.observe.log import get_logger

PASSWORD_FILE_LIMIT = 4096
"""Bytes of a password: whatever is longer is a file of another kind, named by mistake."""


class PasswordUnreadableError(Exception):
    """A password that the configuration points to is not there; says where and why."""


class StaticSource:
    """Passwords read once, at the start."""

    def __init__(self, credentials: Mapping[str, Credential]) -> None:
        self._credentials = dict(credentials)

    def __repr__(self) -> str:
        """How many users; nothing else of them."""
        return f"<StaticSource of {len(self._credentials)} users>"

    def known(self, user: str) -> Credential | None:
        """See `CredentialSource`."""
        return self._credentials.get(user)

    def find(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`."""
        return succeed(self.known(user))

    def refresh(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`: there is nothing new."""
        return self.find(user)

    def claims(self, user: str) -> bool:
        """See `proxy.credentials.directory.Claiming`: all that it has is known."""
        return user in self._credentials

    def users(self) -> tuple[str, ...]:
        """See `CredentialSource`."""
        return tuple(self._credentials)


def load_static(
    entries: tuple[AuthEntry, ...],
    environment: Mapping[str, str],
    log: FilteringBoundLogger | None = None,
) -> StaticSource:
    """Read the passwords of these entries.

    Args:
        entries: From the configuration.
        environment: The process environment.
        log: Says which proxy this is for.

    Raises:
        PasswordUnreadableError: a file or variable is missing or empty.  An empty password has
            to stand in the configuration itself.
    """
    log = log or get_logger()
    credentials = {}
    for entry in entries:
        user = entry.username or ""
        password = _password(entry, environment, log)
        credentials[user] = credential_maker(entry)(user, (password,))
    return StaticSource(credentials)


def _password(
    entry: AuthEntry, environment: Mapping[str, str], log: FilteringBoundLogger
) -> str:
    if entry.password is not None:
        return entry.password.reveal()
    if entry.password_env is not None:
        value = environment.get(entry.password_env)
        if value is None:
            raise PasswordUnreadableError(
                f"user {entry.username!r}: the environment has no variable "
                f"{entry.password_env!r} (password_env)"
            )
        if not value:
            raise PasswordUnreadableError(
                f"user {entry.username!r}: the variable {entry.password_env!r} (password_env) "
                "is empty"
            )
        return value
    path = Path(entry.password_file or "")
    try:
        password = first_line(path, PASSWORD_FILE_LIMIT).decode()
    except FileUnreadableError as error:
        why = error.reason
    except UnicodeDecodeError:
        why = "is not UTF-8 text"
    else:
        why = "" if password else "its first line is empty"
    if why:
        raise PasswordUnreadableError(f"user {entry.username!r}: {path} (password_file): {why}")
    warn_of_readers(log, path)
    return password
