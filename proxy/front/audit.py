"""Who came in, who did not and why, and who left: the lines of the log on logins.

Which of them are written `Proxy.logged_logins` says: with ``all`` the log is an audit, of which
no line is left out even in a flood.  No line has anything of what a client has shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from proxy.dialogue.events import TextShown
from proxy.front.admission import LOCAL
from proxy.front.naming import who
from proxy.front.proof import Claim, Proof
from proxy.observe.log import EVERY_LINE
from proxy.wire.auth import CACHING_SHA2

if TYPE_CHECKING:
    from proxy.front.client import Client

PROGRAM_LIMIT: Final = 64
"""Characters of the name of a client's program: its file's, or a driver's with a version."""

SCHEMA_LIMIT: Final = 64
"""Characters of a schema's name: a server knows none that is longer."""

_PROGRAMS: Final = (b"program_name", b"_client_name")
"""Attributes that name the program: the first one that there is."""


def refused(
    client: Client, claim: Claim, why: str, proof: Proof | None = None, principal: str = ""
) -> None:
    """A login was refused, for a reason that the client does not learn."""
    proxy = client.proxy
    if proxy.logged_logins == "none":
        return
    about = {**_about(client, claim, proof, principal), **_weight(client)}
    proxy.log.warning("a login was refused", why=why, **about)


def found_no_database(client: Client, claim: Claim, proof: Proof | None, why: str) -> None:
    """Who it is was proved, but there is no connection to a target, or no such schema."""
    proxy = client.proxy
    if proxy.logged_logins == "none":
        return
    about = {**_about(client, claim, proof, ""), **_weight(client)}
    proxy.log.warning("a login found no database", why=why, **about)


def proved_by_token(client: Client, claim: Claim, proof: Proof | None, principal: str) -> None:
    """A client has proved by a token who it is."""
    proxy = client.proxy
    if proxy.logged_logins == "none":
        return
    about = {**_about(client, claim, proof, principal), **_weight(client)}
    proxy.log.info("a login by a token", **about)


def let_in(client: Client, claim: Claim, proof: Proof | None, principal: str = "") -> None:
    """A client was let in, or is another user now."""
    proxy = client.proxy
    if proxy.logged_logins == "all":
        about = _about(client, claim, proof, principal)
        proxy.log.info("a client logged in", **about, **EVERY_LINE)


def left(client: Client, why: str) -> None:
    """A client that had logged in is gone."""
    proxy = client.proxy
    about = {**who(client), "seconds": round(proxy.deadlines.now - client.since, 3), "why": why}
    if proxy.logged_logins == "all":
        proxy.log.info("a client left", **about, **EVERY_LINE)
    else:
        proxy.log.debug("a client left", **about)


def _weight(client: Client) -> Mapping[str, Any]:
    """An audit has every line; else a thousand guesses are told by a hundred of them."""
    return EVERY_LINE if client.proxy.logged_logins == "all" else {}


def _about(client: Client, claim: Claim, proof: Proof | None, principal: str) -> dict[str, Any]:
    about: dict[str, Any] = {
        **who(client),
        "user": claim.user,
        "tls": client.protocol.tls_version or None,
        "how": _way(client, proof, principal) or None,
        "principal": principal or None,
        "schema": _clean(claim.schema or b"", SCHEMA_LIMIT) or None,
        "program": program(claim) or None,
    }
    return {name: value for name, value in about.items() if value is not None}


def _way(client: Client, proof: Proof | None, principal: str) -> str:
    """By which plugin a client has shown what, and how that was hidden on the way."""
    if proof is None:
        return ""
    plugin = proof.verifier.plugin
    if principal:
        return f"{plugin}, an IAM token"
    shown = isinstance(proof.end, TextShown) or proof.verifier.in_full
    if not shown or plugin != CACHING_SHA2:
        return plugin
    if client.protocol.tls_version:
        return f"{plugin}, in full by TLS"
    return f"{plugin}, in full by {'a unix socket' if client.address == LOCAL else 'RSA'}"


def program(claim: Claim) -> str:
    """What a client says its program is; empty where it says nothing."""
    attributes = dict(claim.attributes)
    named = next((attributes[name] for name in _PROGRAMS if name in attributes), b"")
    return _clean(named, PROGRAM_LIMIT)


def _clean(name: bytes, limit: int) -> str:
    """A name of a client's without what is not to be printed."""
    text = name[: 4 * limit].decode("utf-8", "replace")[:limit]
    return "".join(letter if letter.isprintable() else "?" for letter in text)
