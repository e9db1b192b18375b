"""A statement without its literals, for logs: what it is, never what it says of whom."""

from __future__ import annotations

import re

from proxy.sql.dialect import DEFAULT_DIALECT, Dialect

DIGEST_LIMIT = 200
"""Characters of a digest: enough to find the statement in an application's source."""

READ_LIMIT = 1000
"""Bytes of a text that are read for its digest."""

_ESCAPED = rb"""' (?: [^'\\] | \\. | '' |(?!))*+ (?: ' | \Z )
    | " (?: [^"\\] | \\. | "" |(?!))*+ (?: " | \Z )"""
_UNESCAPED = rb"""' (?: [^'] | '' |(?!))*+ (?: ' | \Z )
    | " (?: [^"] | "" |(?!))*+ (?: " | \Z )"""


def _compile(quoted: bytes) -> re.Pattern[bytes]:
    rest = rb"""
    | ` (?: [^`] | `` |(?!))*+ (?: ` | \Z )
    | \b 0x[0-9a-f]++ \b | \b [0-9]++ (?: \.[0-9]*+ )? (?: e[-+]?[0-9]++ )? \b
    | /\* .*? (?: \*/ | \Z ) | -- (?= [\x01-\x20\x7f] | \Z ) [^\n]*+ | \# [^\n]*+"""
    return re.compile(quoted + rest, re.IGNORECASE | re.DOTALL | re.VERBOSE)


_LITERALS = (_compile(_ESCAPED), _compile(_UNESCAPED))
_SPACE = re.compile(r"\s+")


def digest(text: bytes, dialect: Dialect = DEFAULT_DIALECT) -> str:
    """The text with `?` for each literal and no comments, cut to `DIGEST_LIMIT`.

    A name in double quotes gives way to `?` as well, in any dialect.
    """
    literals = _LITERALS[dialect.no_backslash_escapes]
    bare = literals.sub(_replaced, text[:READ_LIMIT]).decode("utf-8", "replace")
    bare = _SPACE.sub(" ", bare).strip()
    return bare if len(bare) <= DIGEST_LIMIT else bare[: DIGEST_LIMIT - 1] + "…"


def _replaced(match: re.Match[bytes]) -> bytes:
    found = match.group()
    if found[:1] == b"`":
        return found
    return b" " if found[:1] in (b"/", b"-", b"#") else b"?"
