"""The same script, directly and through the proxy."""

from __future__ import annotations

import difflib
import re

from proxy.embedded import Flavor
from tests.differential.script import Script, Step
from tests.differential.stage import NEW, Stage


def told(step: Step) -> str:
    """A step in one line."""
    return " ".join(str(step).split())


def differences(stage: Stage, port: int, script: Script, capabilities: int = NEW) -> str:
    """What a client hears differently; empty when it cannot tell."""
    directly = stage.play(stage.server.port, script, capabilities)
    proxied = stage.play(port, script, capabilities)
    if stage.server.flavor is Flavor.MARIADB:
        proxied = _without_late_reports(directly, proxied)
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


LATE = re.compile(r"status 0x[0-9a-f]{4}|, change 1 b'[^']*'")


def _without_late_reports(
    directly: list[list[str]], proxied: list[list[str]]
) -> list[list[str]]:
    """The proxy's answers without a schema that MariaDB reports behind an error.

    While it tracks changes of state it repeats the schema when a routine of another one failed.
    """
    return [
        wanted
        if number
        and directly[number - 1][-1:]
        and directly[number - 1][-1].startswith("first: ERR")
        and "change 1" in "".join(heard)
        and [LATE.sub("", line) for line in heard] == [LATE.sub("", line) for line in wanted]
        else heard
        for number, (wanted, heard) in enumerate(zip(directly, proxied, strict=True))
    ]


def _block(step: Step, heard: list[str]) -> list[str]:
    return [f"# {told(step)}", *heard]
