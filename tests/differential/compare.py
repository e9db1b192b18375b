"""The same script, directly and through the proxy."""

from __future__ import annotations

import difflib

from tests.differential.script import Script, Step
from tests.differential.stage import NEW, Stage


def told(step: Step) -> str:
    """A step in one line."""
    return " ".join(str(step).split())


def differences(stage: Stage, port: int, script: Script, capabilities: int = NEW) -> str:
    """What a client hears differently; empty when it cannot tell."""
    directly = stage.play(stage.server.port, script, capabilities)
    proxied = stage.play(port, script, capabilities)
    if directly == proxied:
        return ""
    one, other = (
        [
            line
            for step, heard in zip(script, lines, strict=True)
            for line in _block(step, heard)
        ]
        for lines in (directly, proxied)
    )
    first = next(
        n
        for n, pair in enumerate(zip(directly, proxied, strict=True))
        if len({*map(tuple, pair)}) > 1
    )
    found = difflib.unified_diff(one, other, "directly", "proxied", lineterm="", n=3)
    head = f"after {first} steps, at {told(script[first])}:"
    return "\n".join((head, *(line[:400] for line in found)))


def _block(step: Step, heard: list[str]) -> list[str]:
    return [f"# {told(step)}", *heard]
