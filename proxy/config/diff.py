"""What differs between two configurations, and what of it a running process takes up."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from proxy.config.model import Config
from proxy.config.rules import Rule

_NAMES = ("name", "address", "username", "users_file", "secret_arn", "certificate")
"""What an item of a list is known by: the first of these that it has."""


class When(enum.Enum):
    """When another value of a setting counts."""

    LIVE = "at once"
    RESTART = "after a restart"


@attrs.frozen
class Effect:
    """What follows from another value of a setting.

    Attributes:
        says: For people: whom it meets, and how.
        when: When it counts.
    """

    says: str
    when: When = When.LIVE


EFFECTS: Mapping[str, Effect] = {
    "proxies[]": Effect(
        "A new proxy begins to serve. One that is gone takes no new clients; those that it has "
        "are disconnected between two transactions, and after drain_timeout in any case."
    ),
    "proxies[].name": Effect(
        "The proxy of the old name is gone and the one of the new name is new; endpoints at "
        "the same addresses go over to it without a gap."
    ),
    "proxies[].engine_family": Effect("There is one choice.", When.RESTART),
    "proxies[].auth[]": Effect(
        "For the next logins. A new password is tried at the targets, and connections of the "
        "old one are closed as they come free. Who is gone cannot log in any more; clients "
        "that are logged in stay, as they do at a server, and get no new connections to a "
        "target."
    ),
    "proxies[].default_auth_scheme": Effect("For the next logins, here and at the targets."),
    "proxies[].role_arn": Effect(
        "Secrets are read by the new role before anything changes, and tokens made by it."
    ),
    "proxies[].require_tls": Effect("For the next logins."),
    "proxies[].allowed_networks": Effect("For the next logins."),
    "proxies[].failed_login_threshold": Effect("At the next failed login; counts are kept."),
    "proxies[].max_failed_login_delay": Effect("At the next failed login."),
    "proxies[].idle_client_timeout": Effect("For all clients."),
    "proxies[].login_timeout": Effect("For all clients that log in."),
    "proxies[].max_clients": Effect("For the next clients: nobody is sent away."),
    "proxies[].max_allowed_packet": Effect("For the next clients."),
    "proxies[].debug_logging": Effect("At the next statement of all clients."),
    "proxies[].server_version": Effect("For the next clients."),
    "proxies[].tls": Effect(
        "For the next clients; who has TLS keeps the connection as it is. The files of a "
        "setting that stays are looked at every second anyway."
    ),
    "proxies[].aws": Effect(
        "Secrets are read anew before anything changes: where one cannot be, nothing does."
    ),
    "proxies[].iam": Effect(
        "For the next logins. Which tokens were used before is forgotten with other settings."
    ),
    "proxies[].target_group.topology": Effect(
        "All targets are looked at anew; clients that need the writer wait until it is seen."
    ),
    "proxies[].target_group.targets[]": Effect(
        "A new target is looked at and used. One that is gone is drained: transactions there "
        "have transaction_grace to end. Where it was the writer, clients wait until another "
        "one is seen to be."
    ),
    "proxies[].target_group.target_sets[]": Effect(
        "As for targets. When the set that is in use is gone, the default one is used."
    ),
    "proxies[].target_group.failover": Effect(
        "From the next look on; what is known of the targets is kept."
    ),
    "proxies[].target_group.tls": Effect(
        "For new connections to the targets; the others are closed as they come free."
    ),
    "proxies[].target_group.connection_pool_config": Effect(
        "For all pools. Connections above a lower limit are closed as they come free; a "
        "shorter connection_borrow_timeout counts for those who wait already."
    ),
    "proxies[].target_group.connection_pool_config.session_pinning_filters": Effect(
        "For the next logins."
    ),
    "proxies[].target_group.connection_pool_config.init_query": Effect(
        "For new connections to the targets; the others are closed as they come free."
    ),
    "proxies[].target_group.connection_pool_config.connect_timeout": Effect(
        "For new connections to the targets."
    ),
    "proxies[].target_group.connection_pool_config.max_prepared_statements_per_connection": (
        Effect("For new connections to the targets.")
    ),
    "proxies[].endpoints[]": Effect(
        "A new endpoint listens. One that is gone does not; its clients stay until they leave."
    ),
    "proxies[].endpoints[].target_role": Effect("For the next clients."),
    "proxies[].endpoints[].listen": Effect(
        "It listens at the new address before the old one is closed; clients stay."
    ),
    "proxies[].endpoints[].proxy_protocol_networks": Effect("For the next clients."),
    "log": Effect("At the next line; a level that was set by hand stays as long as this does."),
    "log.format": Effect("The log is begun once, with its process.", When.RESTART),
    "admin": Effect("For the next request, and for the next login to the console."),
    "admin.listen": Effect(
        "It listens at the new places before old ones are closed; requests there are answered."
    ),
    "admin.allow_clear_text": Effect("At once: it says what admin.listen may be."),
    "workers": Effect("Who serves the clients is decided at the start.", When.RESTART),
    "drain_timeout": Effect("At the end of the process, or of a proxy."),
    "handover_timeout": Effect("At the next restart."),
}
"""What follows from another value, by setting; a section stands for all that is in it and has
no line of its own.  Settings are written as `proxy.config.reference` does."""


@attrs.frozen
class Change:
    """Something that differs.

    Attributes:
        path: Where, with the names of things: `proxies[shop].endpoints[reads].listen`.  A thing
            itself that is new or gone, and a list in another order, have no setting behind.
        setting: The setting or the list, as in `EFFECTS`.
        when: When the new value counts.
    """

    path: str
    setting: str
    when: When


def compare(
    old: Config, new: Config, effects: Mapping[str, Effect] = EFFECTS
) -> tuple[Change, ...]:
    """All that differs, in the order of the model."""
    return tuple(
        Change(path, setting, effect_of(setting, effects).when)
        for path, setting in _in_section(old, new, "", "")
    )


def effect_of(setting: str, effects: Mapping[str, Effect] = EFFECTS) -> Effect:
    """What follows from another value of a setting.

    Raises:
        KeyError: neither the setting nor a section around it stands in the table.
    """
    name = setting
    while name not in effects:
        if "." not in name:
            raise KeyError(setting)
        name = name.rpartition(".")[0]
    return effects[name]


def _in_section(old: Any, new: Any, path: str, setting: str) -> Iterator[tuple[str, str]]:
    for field in attrs.fields(type(new)):
        before, now = getattr(old, field.name), getattr(new, field.name)
        if before == now:
            continue
        where, which = _below(path, field.name), _below(setting, field.name)
        if isinstance(field.validator, Rule):
            yield where, which
        elif isinstance(now, tuple):
            yield from _in_list(before, now, where, f"{which}[]")
        else:
            yield from _in_section(before, now, where, which)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _in_list(
    old: tuple[Any, ...], new: tuple[Any, ...], path: str, setting: str
) -> Iterator[tuple[str, str]]:
    before, now = _named(old), _named(new)
    both = [name for name in now if name in before]
    if both != [name for name in before if name in now]:
        yield path, setting  # the first one of a list often goes before the others
    for name, item in now.items():
        where = f"{path}[{name}]"
        if name not in before:
            yield where, setting
        else:
            yield from _in_section(before[name], item, where, setting)
    for name in before:
        if name not in now:
            yield f"{path}[{name}]", setting


def _named(items: tuple[Any, ...]) -> dict[str, Any]:
    """The items by what they are known by; a second one of the same name has a number too."""
    found: dict[str, Any] = {}
    for number, item in enumerate(items, 1):
        values = (getattr(item, name, None) for name in _NAMES)
        name = next((str(value) for value in values if value is not None), str(number))
        found[name if name not in found else f"{name} #{number}"] = item
    return found
