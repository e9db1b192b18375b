"""Rules for the admin API that look at several settings at once."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.config.admin import AdminConfig
from proxy.config.problem import Finding, KeyPath, repeated

_SOURCES = ("token", "token_file", "token_env")
_REACHED = (
    "can be reached by other machines, so it needs admin.tls, and admin.tokens or "
    "admin.tls.client_ca"
)
_CLEAR = "can be reached by other machines, so it needs admin.tokens"
_PAIR = ("certificate", "private_key")


def find_faults_in_admin(admin: AdminConfig, path: KeyPath) -> Iterator[Finding]:
    """Say what does not go together, each with the path of the setting to change."""
    reached, in_clear_text = admin.reached, admin.allow_clear_text and not admin.has_tls
    if reached and not (admin.asks_who and (admin.has_tls or in_clear_text)):
        yield (*path, "listen"), f"{reached[0]} {_CLEAR if in_clear_text else _REACHED}"
    if len(set(map(str, admin.places))) < len(admin.places):
        yield (*path, "listen"), "has the same place twice"
    for given, lacking in (_PAIR, _PAIR[::-1]):
        if getattr(admin.tls, given) is not None and getattr(admin.tls, lacking) is None:
            yield (*path, "tls", lacking), f"is needed with {given}"
    if admin.tls.client_ca is not None and not admin.has_tls:
        yield (*path, "tls", "client_ca"), "needs certificate and private_key"
    yield from repeated(
        ((*path, "tokens", i, "name"), token.name) for i, token in enumerate(admin.tokens)
    )
    for i, token in enumerate(admin.tokens):
        given_by = [name for name in _SOURCES if getattr(token, name) is not None]
        if len(given_by) != 1:
            which = " and ".join(given_by) or "none"
            yield (
                (*path, "tokens", i),
                f"needs one of {', '.join(_SOURCES)}, and has {which}",
            )
