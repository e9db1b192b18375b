"""Writes the part of docs/reload.rst that says what becomes of each setting at a reload.

Run it after a change of proxy/config/diff.py: `make reference`.
"""

from __future__ import annotations

from pathlib import Path

from proxy.config.diff import EFFECTS, Effect, When

PAGE = Path(__file__).parent / "reload.rst"
BEGIN = ".. The rest of this page is written by write_reload.py.\n"


def render() -> str:
    """Write what follows from another value of each setting as reStructuredText."""
    return "\n".join(_entry(setting, effect) for setting, effect in EFFECTS.items())


def _entry(setting: str, effect: Effect) -> str:
    when = "" if effect.when is When.LIVE else " **After a restart.**"
    return f"``{setting}``\n    {effect.says}{when}\n"


def rewritten(page: str) -> str:
    """Replace the last part of the page."""
    return page.partition(BEGIN)[0] + BEGIN + "\n" + render()


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
