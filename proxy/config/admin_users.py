"""Settings of admin users: who gets the SQL console instead of a database."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator

import attrs

from proxy.config.auth import USERNAME
from proxy.config.problem import Finding, KeyPath, repeated
from proxy.config.rules import Choice, FilePath, ListOf, Network, OrNull, SecretText, Text
from proxy.config.secret import Secret

SHORTEST_PASSWORD = 8
"""Characters: shorter ones are guessed in time, and this one may command the proxy."""

LONGEST_PASSWORD = 255
"""Characters: what every client library can send, whatever the plugin."""

THIS_MACHINE = ("127.0.0.0/8", "::1/128")
"""Networks of the loopback interface; clients of a unix socket count as of the first."""

_SOURCES = ("password", "password_file", "password_env")
_NO_NETWORK = "needs at least one network; 0.0.0.0/0 and ::/0 are all there is"


class AdminRole(enum.Enum):
    """What somebody may do with the proxy: only look, or act too."""

    VIEWER = "VIEWER"
    OPERATOR = "OPERATOR"


@attrs.frozen(kw_only=True)
class AdminUser:
    """Somebody who logs in with any MySQL client, at any endpoint, and gets the console."""

    username: str = attrs.field(
        validator=USERNAME,
        metadata={
            "doc": "The name to log in with. It can be no user of a proxy: whoever logs in so "
            "gets the console, and no database."
        },
    )
    password: Secret | None = attrs.field(
        default=None,
        validator=OrNull(SecretText()),
        repr=False,
        metadata={
            "doc": "The password itself, of 8 to 255 characters. One of password, "
            "password_file, password_env is needed."
        },
    )
    password_file: str | None = attrs.field(
        default=None,
        validator=OrNull(FilePath()),
        metadata={
            "doc": "A file whose first line is the password. A relative path starts at the "
            "folder of the configuration file."
        },
    )
    password_env: str | None = attrs.field(
        default=None,
        validator=OrNull(Text()),
        metadata={"doc": "An environment variable of the proxy that holds the password."},
    )
    role: AdminRole = attrs.field(
        default=AdminRole.VIEWER,
        validator=Choice(AdminRole),
        metadata={
            "doc": "What the user may do. VIEWER: see everything. OPERATOR: act too, such as "
            "PAUSE, KILL or RELOAD."
        },
    )
    allowed_networks: tuple[str, ...] = attrs.field(
        default=THIS_MACHINE,
        validator=ListOf(Network()),
        metadata={
            "doc": "Where the user may come from; from elsewhere it hears error 1045, as one "
            "who is not known does. By default from this machine only, unix sockets included."
        },
    )


def find_faults_in_users(
    users: tuple[AdminUser, ...],
    served: Iterable[tuple[str, str]],
    path: KeyPath = ("admin", "users"),
) -> Iterator[Finding]:
    """Say what does not go together.

    Args:
        users: Those of the configuration.
        served: (proxy, user) of each user of a proxy that the configuration names.
        path: Where the users stand.
    """
    yield from repeated(((*path, i, "username"), user.username) for i, user in enumerate(users))
    proxies = {name: proxy for proxy, name in served}
    for i, user in enumerate(users):
        if user.username in proxies:
            proxy = proxies[user.username]
            why = f"{user.username!r} is a user of the proxy {proxy!r}: a login is of one only"
            yield (*path, i, "username"), why
        yield from _in_user(user, (*path, i))


def _in_user(user: AdminUser, path: KeyPath) -> Iterator[Finding]:
    given = [name for name in _SOURCES if getattr(user, name) is not None]
    if not given:
        yield path, f"needs one of {', '.join(_SOURCES)}"
    elif len(given) > 1:
        yield (*path, given[1]), f"cannot stand beside {given[0]}: give one of the two"
    if user.password is not None and (why := fault_of_password(user.password.reveal())):
        yield (*path, "password"), why
    if not user.allowed_networks:
        yield (*path, "allowed_networks"), _NO_NETWORK


def fault_of_password(password: str) -> str:
    """Why it cannot be one, without anything of itself; empty where it can."""
    if SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return ""
    return f"has to have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
