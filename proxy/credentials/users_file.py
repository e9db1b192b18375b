"""Users and passwords in a file of their own, which is read again when it changes.

users:
  - username: app
    password: "the new one"
    previous_password: "the old one, which clients may use yet"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import attrs
from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from proxy.config.document import UnreadableError, read_document
from proxy.config.problem import format_path
from proxy.config.rules import Text, UnfitError
from proxy.credentials.aws_errors import AwsUnavailableError
from proxy.credentials.reading import Reading, Run
from proxy.credentials.source import Credential, MakeCredential
from proxy.credentials.static import PasswordUnreadableError
from proxy.net.clock import Clock, Timer, cancel
from proxy.net.files import (
    FileChangingError,
    FileUnreadableError,
    Version,
    read_content,
    version_of,
    warn_of_readers,
)
from proxy.observe.log import get_logger

MAX_FILE_BYTES = 2 * 1024 * 1024
"""Some 30,000 users, which is as many values as `proxy.config.document` takes; reading them
keeps a thread busy for a few seconds."""

LOOK_SECONDS = 1.0
"""Who is taken out of the file cannot log in any more about so much later."""

Passwords: TypeAlias = Mapping[str, tuple[str, ...]]
"""Users, and the passwords of each, the newest first."""

_USERNAME = Text(r"[^\x00]{1,128}", "a text of 1 to 128 characters")
_REQUIRED = ("username", "password")
_FIELDS = (*_REQUIRED, "previous_password")


@attrs.frozen
class _Content:
    """What a file said when it was read."""

    version: Version
    passwords: Passwords = attrs.field(repr=False)


class UsersBrokenError(PasswordUnreadableError):
    """The file cannot be read or used; `version` is None where it could not even be opened."""

    def __init__(self, why: str, version: Version | None) -> None:
        super().__init__(why)
        self.version = version


class UsersFile:
    """The users of a file."""

    def __init__(
        self,
        path: Path,
        make: MakeCredential,
        *,
        clock: Clock,
        run: Run,
        on_change: Callable[[tuple[str, ...]], None] = lambda _users: None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        """Read the file; blocks.

        Args:
            path: Where it is.
            make: Makes a credential of a user and passwords.
            clock: For the time between two looks.
            run: Calls something in a thread: a large file takes long, and one that is far away
                may hang.
            on_change: Is told users whose passwords changed, gone users and new ones too, when
                `known` has the new ones.
            log: Says which proxy this is for.

        Raises:
            PasswordUnreadableError: it cannot be read, or used.
        """
        self._path = path
        self._make = make
        self._clock = clock
        self._reading: Reading[_Content | None] = Reading(run)
        self._on_change = on_change
        self._log = (log or get_logger()).bind(users_file=str(path))
        self._known: dict[str, Credential] = {}
        self._version: Version | None = None
        self._trouble = ""
        self._timer: Timer | None = None
        self._looking = False
        self._waiters: dict[Deferred[None], None] = {}
        self._stopped = False
        try:
            content = _read(path, None)
        except FileChangingError as error:
            raise PasswordUnreadableError(f"{path} (users_file): {error.reason}") from None
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
        if self._stopped or (self._reading.busy and not self._looking):
            return self.find(user)  # nobody waits for a thread that hangs
        waiter: Deferred[None] = Deferred(lambda gone: self._waiters.pop(gone, None))
        self._waiters[waiter] = None
        if not self._looking:
            self._look()
        return waiter.addCallback(lambda _: self.known(user))

    def claims(self, user: str) -> bool:
        """See `proxy.credentials.directory.Claiming`: who is not in the file is not its."""
        return user in self._known

    def users(self) -> tuple[str, ...]:
        """See `CredentialSource`: in the order of the file."""
        return tuple(self._known)

    def _look(self) -> None:
        cancel(self._timer)
        if self._reading.busy:
            self._timer = self._clock.callLater(LOOK_SECONDS, self._look)
            return
        self._looking = True
        path, version = self._path, self._version
        self._reading.begin(lambda: _read(path, version)).addBoth(self._looked).addErrback(
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
        if isinstance(error, FileChangingError):
            return  # the next look finds it whole
        if isinstance(error, UsersBrokenError):
            # What is broken is not read again before it changes; what is away, when it is back.
            self._version = error.version
            trouble = str(error)
        elif isinstance(error, AwsUnavailableError):
            trouble = f"{self._path} (users_file): cannot be read: it takes too long"
        else:
            raise error
        if trouble != self._trouble:
            self._trouble = trouble
            self._log.error("users cannot be read; those known are used on", why=trouble)

    def _take(self, content: _Content) -> None:
        warn_of_readers(self._log, self._path)
        self._version = content.version
        self._known = {
            user: self._make(user, passwords) for user, passwords in content.passwords.items()
        }

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters:
            waiter.callback(None)


def _read(path: Path, known: Version | None) -> _Content | None:
    """Read the file unless it is the known one; in a thread, or at the start.

    Raises:
        UsersBrokenError: it cannot be read, or used.
        FileChangingError: somebody writes it at this moment.
    """
    if known is not None and version_of(path) == known:
        return None
    try:
        content = read_content(path, MAX_FILE_BYTES)
    except FileChangingError:
        raise
    except FileUnreadableError as error:
        raise UsersBrokenError(f"{path} (users_file): {error.reason}", error.version) from None
    try:
        passwords = _passwords(content.data)
    except UnfitError as error:
        raise UsersBrokenError(f"{path} (users_file): {error}", content.version) from None
    return _Content(content.version, passwords)


def _passwords(content: bytes) -> Passwords:
    """Who is in the file.

    Raises:
        UnfitError: with the line and what is wrong there, and no password.
    """
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
    known: dict[str, tuple[str, ...]] = {}
    for number, entry in enumerate(users):
        place = f"line {document.line_of(('users', number))}: users[{number}]"
        try:
            user, passwords = _user(entry)
        except UnfitError as error:
            raise UnfitError(f"{place}{error}") from None
        if user in known:
            raise UnfitError(f"{place}.username: {user!r} stands here a second time")
        known[user] = passwords
    return known


def _user(entry: object) -> tuple[str, tuple[str, ...]]:
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
    if "" in passwords[1:]:
        # A field that a template left empty must not open the account.
        raise UnfitError(".previous_password: is empty; leave it out where there is none")
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
