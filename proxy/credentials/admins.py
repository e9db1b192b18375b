"""Admin users: who gets the console instead of a database, and how they prove who they are."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import attrs
from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred, succeed

from proxy.config.admin_users import AdminRole, AdminUser, fault_of_password
from proxy.config.auth import AuthEntry
from proxy.credentials.source import Credential, CredentialSource, Network
from proxy.credentials.static import PasswordUnreadableError, load_static


@attrs.frozen
class Admin:
    """An admin user: how it logs in, and what it may do then."""

    credential: Credential
    role: AdminRole


class Admins:
    """The admin users of a process; a reload may change who they are."""

    def __init__(self, admins: Mapping[str, Admin] | None = None) -> None:
        self._admins = dict(admins or {})

    def __repr__(self) -> str:
        """How many; nothing else of them."""
        return f"<Admins: {len(self._admins)}>"

    def __contains__(self, user: str) -> bool:
        return user in self._admins

    def replace(self, admins: Mapping[str, Admin]) -> None:
        """Have these from now on; who is logged in may do what its new role allows."""
        self._admins = dict(admins)

    def credential(self, user: str) -> Credential | None:
        """How a user proves who it is; None for who is no admin user."""
        admin = self._admins.get(user)
        return None if admin is None else admin.credential

    def role(self, user: str) -> AdminRole | None:
        """What a user may do; None for who is no admin user."""
        admin = self._admins.get(user)
        return None if admin is None else admin.role

    def networks(self) -> tuple[Network, ...]:
        """Where any of them may come from."""
        return tuple(
            network for admin in self._admins.values() for network in admin.credential.networks
        )


def load_admins(
    users: tuple[AdminUser, ...], environment: Mapping[str, str], log: FilteringBoundLogger
) -> dict[str, Admin]:
    """Read the passwords of these users.

    Args:
        users: From the configuration.
        environment: The process environment.
        log: Hears of files that everybody can read.

    Raises:
        PasswordUnreadableError: a file or variable is missing, or its password is none.
    """
    admins = {}
    for user in users:
        entry = AuthEntry(
            username=user.username,
            password=user.password,
            password_file=user.password_file,
            password_env=user.password_env,
        )
        known = load_static((entry,), environment, log).known(user.username)
        assert known is not None
        (password,) = known.passwords
        if why := fault_of_password(password):
            raise PasswordUnreadableError(f"admin user {user.username!r}: its password {why}")
        networks = tuple(ipaddress.ip_network(text) for text in user.allowed_networks)
        credential = Credential(user.username, (password,), networks=networks)
        admins[user.username] = Admin(credential, user.role)
    return admins


class AdminsFirst:
    """All who may log in to a proxy: admin users, then the users of the proxy."""

    def __init__(self, admins: Admins, users: CredentialSource) -> None:
        self._admins = admins
        self._users = users

    def __repr__(self) -> str:
        """Who they are."""
        return f"<AdminsFirst {self._admins!r} {self._users!r}>"

    def known(self, user: str) -> Credential | None:
        """See `CredentialSource`."""
        return self._admins.credential(user) or self._users.known(user)

    def find(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`."""
        admin = self._admins.credential(user)
        return self._users.find(user) if admin is None else succeed(admin)

    def refresh(self, user: str) -> Deferred[Credential | None]:
        """See `CredentialSource`: nobody learns who is an admin by how long it takes."""
        return self._users.refresh(user).addCallback(self._or_admin, user)

    def _or_admin(self, found: Credential | None, user: str) -> Credential | None:
        return self._admins.credential(user) or found

    def users(self) -> tuple[str, ...]:
        """See `CredentialSource`: no admin user is known to a target."""
        return self._users.users()
