"""The versions of a secret, and who may log in with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from proxy.credentials.secrets_manager import SecretVersion

Passwords: TypeAlias = Mapping[str, tuple[str, ...]]
"""Users, and the passwords of each, the newest first."""


@attrs.frozen
class Versions:
    """The versions of a secret that matter."""

    current: SecretVersion
    pending: SecretVersion | None = None
    previous: SecretVersion | None = None

    def accounts(self, *, with_previous: bool) -> dict[str, tuple[str, ...]]:
        """Who may log in.  A rotation that alternates users has one in each version.

        The pending password comes before the previous one: a rotation sets it at the database
        first, and makes it the current one after.  An empty password counts in the current
        version only, where somebody means it: elsewhere it would open the account beside it.
        """
        accounts: dict[str, tuple[str, ...]] = {}
        previous = self.previous if with_previous else None
        for version in (self.current, self.pending, previous):
            if version is not None and (version.value.password or version is self.current):
                user, password = version.value.username, version.value.password
                known = accounts.get(user, ())
                accounts[user] = known if password in known else (*known, password)
        return accounts

    @property
    def users(self) -> frozenset[str]:
        """Whose they are."""
        versions = (self.current, self.pending, self.previous)
        return frozenset(one.value.username for one in versions if one is not None)
