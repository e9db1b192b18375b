"""A statement without its literals, for logs: what it is, never what it says of whom."""

from __future__ import annotations

import re

DIGEST_LIMIT = 200
"""Characters of a digest: enough to find the statement in an application's source."""

READ_LIMIT = 1000
"""Bytes of a text that are read for its digest."""

_LITERAL = re.compile(
    rb"""(?xs) ' (?: [^'\\] | \\. | '' )*+ (?: ' | \Z )
    | " (?: [^"\\] | \\. | "" )*+ (?: " | \Z )
    | \b 0x[0-9a-f]++ \b | \b [0-9]++ (?: \.[0-9]*+ )? (?: e[-+]?[0-9]++ )? \b
    | /\* .*? (?: \*/ | \Z ) | -- [^\n]*+ | \# [^\n]*+""",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")


def digest(text: bytes) -> str:
    """The text with `?` for each literal and no comments, cut to `DIGEST_LIMIT`."""
    bare = _LITERAL.sub(_replaced, text[:READ_LIMIT]).decode("utf-8", "replace")
    bare = _SPACE.sub(" ", bare).strip()
    return bare if len(bare) <= DIGEST_LIMIT else bare[: DIGEST_LIMIT - 1] + "…"


def _replaced(match: re.Match[bytes]) -> bytes:
    return b" " if match.group()[:1] in (b"/", b"-", b"#") else b"?"
