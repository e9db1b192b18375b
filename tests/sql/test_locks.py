"""Tests of `proxy.sql.locks`."""

from __future__ import annotations

import pytest

from proxy.sql import effects
from proxy.sql.classify import classify


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        (b"LOCK TABLES t READ", effects.LocksTables()),
        (b"UNLOCK TABLES", effects.UnlocksTables()),
        (b"LOCK INSTANCE FOR BACKUP", effects.LocksInstance()),
        (b"BACKUP STAGE END", effects.UnlocksInstance()),
        (b"FLUSH TABLES WITH READ LOCK", effects.LocksServer()),
        (b"FLUSH TABLES t FOR EXPORT", effects.LocksTables()),
        (b"HANDLER t OPEN AS u", effects.OpensHandler("u")),
        (b"HANDLER d.t CLOSE", effects.ClosesHandler("t")),
    ],
)
def test_statements_that_lock(text, effect):
    """Each lock and each end of one has its effect; some commit as well."""
    assert effect in classify(text).effects


def test_what_is_locked_must_be_known():
    """LOCK of something new may do anything."""
    (found,) = classify(b"LOCK EVERYTHING").effects
    assert isinstance(found, effects.Opaque)
