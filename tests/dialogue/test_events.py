"""Tests of `proxy.dialogue.events`."""

from __future__ import annotations

from proxy.dialogue.events import CommandReceived, FileReceived


def test_a_command_has_its_code_and_hides_its_text():
    """The first byte is the code; logs never show what a client said."""
    command = CommandReceived(b"\x03SELECT 'secret'")
    assert command.code == 3
    assert "secret" not in repr(command)
    assert "secret" not in repr(FileReceived(b"secret", ended=False))
