"""The tokens of the admin API: read, kept as digests, and looked for."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
from structlog.typing import FilteringBoundLogger

from proxy.config.admin import TOKEN, TOKEN_DESCRIBED, AdminToken
from proxy.config.admin_users import AdminRole
from proxy.net.files import FileUnreadableError, Watched, first_line, warn_of_readers

FILE_LIMIT: Final = 1024
"""Bytes of the first line of a file with a token: a longer one is a file of another kind."""


class TokenUnreadableError(Exception):
    """A token that the configuration points to is not there; says where and why."""


@attrs.frozen
class Known:
    """Whose token it is.

    Attributes:
        name: Of the token.
        role: What it is good for.
        digest: What is compared.
    """

    name: str
    role: AdminRole
    digest: bytes = attrs.field(repr=False)


def digest_of(token: str) -> bytes:
    """What is kept of a token: it is long and made by chance, so one plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


class Tokens:
    """All of the configuration; those in files are read again when they change."""

    def __init__(
        self,
        entries: Sequence[AdminToken],
        log: FilteringBoundLogger,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """Read them.

        Raises:
            TokenUnreadableError: one is not there, or is none.
        """
        self._entries = entries
        self._log = log
        self._environment = environment
        self._files = Watched(entry.token_file for entry in entries)
        self._known = self._load()

    def __repr__(self) -> str:
        """How many; nothing else of them."""
        return f"<Tokens: {len(self._known)}>"

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, digest: bytes) -> Known | None:
        """Whose it is; takes as long whether there is one or not."""
        found = None
        for known in self._known:
            if hmac.compare_digest(known.digest, digest):
                found = known
        return found

    def look(self) -> None:
        """Take up files that have changed; what cannot be used leaves the old ones."""
        if not self._files.changed():
            return
        try:
            self._known = self._load()
        except TokenUnreadableError as error:
            self._log.error("renewed tokens cannot be used, the old ones stay", why=str(error))
        else:
            self._log.info("renewed tokens are in use")

    def _load(self) -> tuple[Known, ...]:
        found: dict[bytes, Known] = {}
        for entry in self._entries:
            known = Known(entry.name, entry.role, digest_of(self._text(entry)))
            twin = found.setdefault(known.digest, known)
            if twin is not known:
                raise TokenUnreadableError(
                    f"admin: tokens {twin.name!r} and {entry.name!r} are the same"
                )
        return tuple(found.values())

    def _text(self, entry: AdminToken) -> str:
        if entry.token is not None:
            return entry.token.reveal()
        if entry.token_env is not None:
            where = f"the variable {entry.token_env!r} (token_env)"
            text = self._environment.get(entry.token_env)
            why = "" if text is not None else "is not there"
        else:
            where = f"{entry.token_file} (token_file)"
            text, why = self._from_file(entry.token_file or "")
        if text is not None and not TOKEN.fullmatch(text):
            why = f"is none: a token has {TOKEN_DESCRIBED}"
        if text is None or why:
            raise TokenUnreadableError(f"admin: token {entry.name!r}: {where}: {why}")
        return text

    def _from_file(self, path: str) -> tuple[str | None, str]:
        try:
            text = first_line(Path(path), FILE_LIMIT).decode()
        except FileUnreadableError as error:
            return None, error.reason
        except UnicodeDecodeError:
            return None, "is not UTF-8 text"
        warn_of_readers(self._log, path)
        return text, ""
