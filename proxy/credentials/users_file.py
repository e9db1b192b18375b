"""Users and passwords in a file of their own, which is read again when it changes.

users:
  - username: app
    password: "the new one"
    previous_password: "the old one, which clients may use yet"
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import attrs
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from proxy.config.document import UnreadableError, read_document
from proxy.config.problem import format_path
from proxy.config.rules import Text, UnfitError
from proxy.credentials.source import Credential, MakeCredential
from proxy.credentials.static import PasswordUnreadableError
from proxy.net.clock import Clock, Timer, cancel
from proxy.observe.log import get_logger

MAX_FILE_BYTES = 2 * 1024 * 1024
"""Some 30,000 users, which is as many values as `proxy.config.document` takes; reading them
keeps a thread busy for a few seconds."""

LOOK_SECONDS = 1.0
"""Who is taken out of the file cannot log in any more about so much later."""

Accounts: TypeAlias = Mapping[str, tuple[str, ...]]
Signature: TypeAlias = tuple[int, int, int]
"""What changes with a file: its mtime in nanoseconds, its size in bytes, its inode."""

_USERNAME = Text(r"[^\x00]{1,128}", "a text of 1 to 128 characters")
_REQUIRED = ("username", "password")
_FIELDS = (*_REQUIRED, "previous_password")


@attrs.frozen
class _Content:
    """What a file said when it was read."""

    signature: Signature
    readable_by_others: bool
    accounts: Accounts = attrs.field(repr=False)


class UsersBrokenError(PasswordUnreadableError):
    """The file was read, and cannot be used."""

    def __init__(self, why: str, signature: Signature) -> None:
        super().__init__(why)
        self.signature = signature


class _ChangingError(Exception):
    """The file was written while it was read."""


class UsersFile:
    """The users of a file."""

    def __init__(
        self,
        path: Path,
        make: MakeCredential,
        *,
        clock: Clock,
        run: Callable[[Callable[[], object]], Deferred[object]],
        on_change: Callable[[tuple[str, ...]], None] = lambda _users: None,
    ) -> None:
        """Read the file; blocks.

        Args:
            path: Where it is.
            make: Makes a credential of a user and passwords.
            clock: For the time between two looks.
            run: Calls something in a thread, as `deferToThread` does: a large file takes long.
            on_change: Is told users whose passwords changed, gone users and new ones too, when
                `known` has the new ones.

        Raises:
            PasswordUnreadableError: it cannot be read, or used.
        """
        self._path = path
        self._make = make
        self._clock = clock
        self._run = run
        self._on_change = on_change
        self._log = get_logger(users_file=str(path))
        self._known: dict[str, Credential] = {}
        self._signature: Signature | None = None
        self._trouble = ""
        self._timer: Timer | None = None
        self._looking = False
        self._waiters: list[Deferred[None]] = []
        self._stopped = False
        try:
            content = _read(path, None)
        except _ChangingError:
            raise PasswordUnreadableError(f"{path} (users_file): is being written") from None
        assert content is not None
        self._take(content)

    def __repr__(self) -> str:
        """Where and how many; nothing else of them."""
        return f"<UsersFile {str(self._path)!r} of {len(self._known)} users>"

    def start(self) -> None:
        """Begin to look at the file every `LOOK_SECONDS`."""
        self._timer = self._clock.callLater(LOOK_SECONDS, self._look)

    def stop(self) -> None:
        """Look at it no more."""
        self._stopped = True
        cancel(self._timer)
        self._wake()

    def known(self, user: str) -> Credential | None:
        """See `CredentialSource`."""
        return self._known.get(user)

    def find(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`."""
        return succeed(self.known(user))

    def refresh(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`: looks at the file at once, whoever it is."""
        if self._stopped:
            return self.find(user)
        waiter: Deferred[None] = Deferred()
        self._waiters.append(waiter)
        if not self._looking:
            self._look()
        return waiter.addCallback(lambda _: self.known(user))

    def users(self) -> tuple[str, ...]:
        """See `CredentialSource`: in the order of the file."""
        return tuple(self._known)

    def _look(self) -> None:
        cancel(self._timer)
        self._looking = True
        path, signature = self._path, self._signature
        self._run(lambda: _read(path, signature)).addBoth(self._looked).addErrback(
            lambda failure: self._log.error(
                "a mistake while reading users", kind=type(failure.value).__name__
            )
        )

    def _looked(self, result: object) -> None:
        self._looking = False
        if self._stopped:
            return
        self._timer = self._clock.callLater(LOOK_SECONDS, self._look)
        try:
            if isinstance(result, Failure):
                self._stumble(result.value)
            elif isinstance(result, _Content):
                self._accept(result)
        finally:
            self._wake()

    def _accept(self, content: _Content) -> None:
        before = self._known
        self._take(content)
        self._trouble = ""
        users = dict.fromkeys((*before, *self._known))
        changed = tuple(user for user in users if before.get(user) != self._known.get(user))
        self._log.info("users were read again", users=len(self._known), changed=len(changed))
        if changed:
            self._on_change(changed)

    def _stumble(self, error: BaseException | None) -> None:
        """Keep what is known; tell each trouble once."""
        assert error is not None
        if isinstance(error, _ChangingError):
            return  # the next look finds it whole
        if not isinstance(error, PasswordUnreadableError):
            raise error
        # What is broken is not read again before it changes; what is away, when it is back.
        self._signature = error.signature if isinstance(error, UsersBrokenError) else None
        if str(error) != self._trouble:
            self._trouble = str(error)
            self._log.error("users cannot be read; those known are used on", why=self._trouble)

    def _take(self, content: _Content) -> None:
        if content.readable_by_others:
            self._log.warning("every user of this machine can read the passwords; chmod o-r")
        self._signature = content.signature
        self._known = {
            user: self._make(user, passwords) for user, passwords in content.accounts.items()
        }

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.callback(None)


def _read(path: Path, known: Signature | None) -> _Content | None:
    """Read the file unless it is the known one; in a thread, or at the start.

    Raises:
        PasswordUnreadableError: it cannot be read, or used.
        _ChangingError: somebody writes it at this moment.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            signature = _signature(status)
            if signature == known:
                return None
            if not stat.S_ISREG(status.st_mode):
                raise PasswordUnreadableError(f"{path} (users_file): is not a file")
            content = file.read(MAX_FILE_BYTES + 1)
            if _signature(os.fstat(file.fileno())) != signature:
                raise _ChangingError
    except OSError as error:
        raise PasswordUnreadableError(
            f"{path} (users_file): cannot be read: {error.strerror}"
        ) from None
    try:
        accounts = _accounts(content)
    except UnfitError as error:
        raise UsersBrokenError(f"{path} (users_file): {error}", signature) from None
    return _Content(signature, bool(status.st_mode & stat.S_IROTH), accounts)


def _open_at_once(path: str, flags: int) -> int:
    """Open it without waiting: a pipe that nobody writes to must not keep the thread."""
    return os.open(path, flags | os.O_NONBLOCK)


def _signature(status: os.stat_result) -> Signature:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _accounts(content: bytes) -> Accounts:
    """Who is in the file.

    Raises:
        UnfitError: with the line and what is wrong there, and no password.
    """
    if len(content) > MAX_FILE_BYTES:
        raise UnfitError(f"is larger than {MAX_FILE_BYTES:,} bytes")
    try:
        document = read_document(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnfitError(f"line {line}: is not UTF-8 text") from None
    except UnreadableError as error:
        raise UnfitError(f"line {error.line}: {error.message}") from None
    for path, line, message in document.faults:
        raise UnfitError(f"line {line}: {format_path(path)}: {message}")
    value = document.value
    users = value.get("users") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(users, list):
        raise UnfitError('must be a mapping with a list "users" and nothing else')
    accounts: dict[str, tuple[str, ...]] = {}
    for number, entry in enumerate(users):
        place = f"line {document.line_of(('users', number))}: users[{number}]"
        try:
            user, passwords = _account(entry)
        except UnfitError as error:
            raise UnfitError(f"{place}{error}") from None
        if user in accounts:
            raise UnfitError(f"{place}.username: {user!r} stands here a second time")
        accounts[user] = passwords
    return accounts


def _account(entry: object) -> tuple[str, tuple[str, ...]]:
    """A user and passwords, the newest first.

    Raises:
        UnfitError: with what comes behind the name of the entry.
    """
    if not isinstance(entry, dict):
        raise UnfitError(": must be a mapping of username and password")
    if not entry.keys() <= set(_FIELDS):
        raise UnfitError(f": has a key that is none of {', '.join(_FIELDS)}")
    for name in _REQUIRED:
        if name not in entry:
            raise UnfitError(f".{name}: is missing")
    try:
        user = str(_USERNAME.read(entry["username"]))
    except UnfitError as error:
        raise UnfitError(f".username: {error}") from None
    passwords = [_password(entry[name], name) for name in _FIELDS[1:] if name in entry]
    return user, tuple(dict.fromkeys(passwords))


def _password(raw: object, name: str) -> str:
    if not isinstance(raw, str):
        raise UnfitError(
            f".{name}: must be a text, in quotes if YAML takes it for another value"
        )
    # The dialogue ends a password with a zero byte.
    if "\0" in raw:
        raise UnfitError(f".{name}: has a character that MySQL cannot take")
    return raw
