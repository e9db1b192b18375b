"""A configuration that was read anew, with all that it points to, before it is in force."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

import attrs

from proxy.config.admin_users import AdminUser
from proxy.config.auth import AuthEntry, AuthScheme
from proxy.config.model import Config, ProxyConfig
from proxy.credentials.admins import Admin, Admins, load_admins
from proxy.credentials.secrets_source import SecretsSource
from proxy.observe.log import get_logger
from proxy.policy.standing import OperationRefusedError
from proxy.service.assembly import AnyAssembly, try_out
from proxy.service.materials import Living, Materials


@attrs.frozen
class Fresh:
    """All that a new configuration needs, made and not in force yet.

    Attributes:
        config: That configuration.
        materials: Of the proxies that stay, by name.
        added: Proxies that are new, by name.
        admins: Who gets the console, by name.
    """

    config: Config
    materials: Mapping[str, Materials]
    added: Mapping[str, AnyAssembly]
    admins: Mapping[str, Admin]

    def assembly(self, name: str, before: Mapping[str, AnyAssembly]) -> AnyAssembly:
        """The proxy of a name, as it will be there."""
        return self.added.get(name) or before[name]


def make(
    read: Callable[[], Config],
    before: Mapping[str, AnyAssembly],
    assemble: Callable[[ProxyConfig], AnyAssembly],
) -> Fresh:
    """Read a configuration and all that it points to.

    Args:
        read: Gives the configuration.
        before: The proxies that there are, by name.
        assemble: Makes one that is new.

    Raises:
        ConfigError: the configuration cannot be used.
        UnusableError: something else cannot.
        PasswordUnreadableError: that of an admin user is not there.
    """
    config = read()
    try_out(config)
    materials, added = {}, {}
    for proxy in config.proxies:
        known = before.get(proxy.name)
        if known is None:
            added[proxy.name] = assemble(proxy)
        else:
            workshop = known.workshop
            materials[proxy.name] = Materials(proxy, workshop.means, workshop.materials)
    admins = load_admins(config.admin.users, os.environ, get_logger())
    return Fresh(config, materials, added, admins)


def begin_sources(fresh: Fresh, before: Mapping[str, AnyAssembly]) -> list[Living]:
    """Begin to read passwords that were not read until now; the sources of those."""
    begun = [
        source
        for name, materials in fresh.materials.items()
        for source in materials.living
        if source not in before[name].workshop.materials.living
    ]
    for source in begun:
        source.start()
    return begun


async def wait_for_secrets(begun: list[Living]) -> None:
    """Wait until each secret has been read once.

    Raises:
        OperationRefusedError: one could not be.
    """
    troubles = []
    for source in begun:
        if isinstance(source, SecretsSource):
            await source.find("")
            troubles += [f"secret {name}: {why}" for name, why in source.troubles()]
    if troubles:
        raise OperationRefusedError("\n".join(troubles))


def read_anew(
    config: Config, fresh: Fresh, before: Mapping[str, AnyAssembly], admins: Admins
) -> Iterator[str]:
    """Paths of settings that are as before, and point to a password that is another one now.

    Args:
        config: What is in force.
        fresh: What was read.
        before: The proxies that there are, by name.
        admins: Who gets the console by now.
    """
    for name, materials in fresh.materials.items():
        yield from _read_anew(name, before[name].workshop.materials, materials)
    for user in fresh.config.admin.users:
        known = admins.credential(user.username)
        if user in config.admin.users and known != fresh.admins[user.username].credential:
            yield f"admin.users[{user.username}].{_source_of(user)}"


def _read_anew(name: str, before: Materials, fresh: Materials) -> Iterator[str]:
    for entry in fresh.config.auth:
        if entry.auth_scheme is not AuthScheme.STATIC or entry not in before.config.auth:
            continue
        user = entry.username or ""
        old, new = (one.static.known(user) if one.static else None for one in (before, fresh))
        if old != new:
            yield f"proxies[{name}].auth[{user}].{_source_of(entry)}"


def _source_of(entry: AuthEntry | AdminUser) -> str:
    """Which setting points to the password of an entry."""
    return "password_env" if entry.password_env else "password_file"
