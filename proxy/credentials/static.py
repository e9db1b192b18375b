"""Users and passwords from the configuration itself, from files and from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twisted.internet.defer import Deferred, succeed

from proxy.config.auth import AuthEntry
from proxy.credentials.source import Credential, credential_maker

PASSWORD_FILE_LIMIT = 4096
"""Bytes of a password file that are read: a password is a line, not a file."""


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

    def users(self) -> tuple[str, ...]:
        """See `CredentialSource`."""
        return tuple(self._credentials)


def load_static(
    entries: tuple[AuthEntry, ...], folder: Path, environment: Mapping[str, str]
) -> StaticSource:
    """Read the passwords of these entries.

    Args:
        entries: From the configuration.
        folder: Where relative password files begin: the configuration's own.
        environment: The process environment.

    Raises:
        PasswordUnreadableError: a file or variable is missing or empty.
    """
    credentials = {}
    for entry in entries:
        user = entry.username or ""
        credentials[user] = credential_maker(entry)(
            user, (_password(entry, folder, environment),)
        )
    return StaticSource(credentials)


def _password(entry: AuthEntry, folder: Path, environment: Mapping[str, str]) -> str:
    if entry.password is not None:
        return entry.password.reveal()
    if entry.password_env is not None:
        value = environment.get(entry.password_env)
        if value is None:
            raise PasswordUnreadableError(
                f"user {entry.username!r}: the environment has no variable "
                f"{entry.password_env!r} (password_env)"
            )
        return value
    path = folder / (entry.password_file or "")
    try:
        with path.open("rb") as file:
            line = file.read(PASSWORD_FILE_LIMIT).split(b"\n", 1)[0].rstrip(b"\r")
        return line.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise PasswordUnreadableError(
            f"user {entry.username!r}: cannot read {path} (password_file): {error}"
        ) from error
