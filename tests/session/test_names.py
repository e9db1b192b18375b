"""Tests of `proxy.session.names`."""

from __future__ import annotations

import pytest

from proxy.session.names import named_collation


@pytest.mark.parametrize(
    ("text", "collation"),
    [
        (b"SET NAMES utf8mb4", b""),
        (b"  set\n names 'latin1' ; ", b""),
        (b"SET NAMES'latin1'", b""),
        (b"SET NAMES utf8mb4 COLLATE utf8mb4_bin", b"utf8mb4_bin"),
        (b"SET NAMES 'utf8mb4' COLLATE 'utf8mb4_0900_AI_CI'", b"utf8mb4_0900_ai_ci"),
        (b'SET NAMES "utf8mb4" COLLATE "utf8mb4_bin"', b"utf8mb4_bin"),
        (b"SET NAMES DEFAULT", None),
        (b"SET NAMES utf8mb4 COLLATE default", None),
        (b"SET NAMES utf8mb4, time_zone = 'SYSTEM'", None),
        (b"SET NAMES 'utf8mb4\"", None),
        (b"SET NAMES utf8mb4 /* COLLATE utf8mb4_bin */", None),
        (b"SET character_set_client = utf8mb4", None),
        (b"SELECT 1", None),
        (b"", None),
    ],
)
def test_the_text_tells_the_collation(text, collation):
    """Named, or that of the charset; whatever else stands there is not understood."""
    assert named_collation(text) == collation
