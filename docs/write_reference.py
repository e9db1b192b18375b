"""Writes the reference part of configuration.rst from the model of the settings.

Run it after a change of proxy/config/model.py: `make reference`.
"""

from __future__ import annotations

from pathlib import Path

from proxy.config.reference import Option, describe

PAGE = Path(__file__).parent / "configuration.rst"
BEGIN = ".. The rest of this page is written by write_reference.py.\n"


def render() -> str:
    """Write all options as reStructuredText, each section under a heading of its own."""
    sections: dict[str, list[str]] = {}
    for option in describe():
        section = option.key_path.rpartition(".")[0]
        title = f"``{section}``" if section else "Top level"
        heading = f"{title}\n{'-' * len(title)}\n"
        sections.setdefault(title, [heading]).append(_entry(option))
    return "\n".join(part for parts in sections.values() for part in parts)


def _entry(option: Option) -> str:
    default = "must be given" if option.default is None else f"``{option.default}``"
    if option.unit and option.default not in {None, "null"}:
        default += f" {option.unit}"
    lines = [
        f"``{option.name}``",
        f"    {option.doc}",
        "",
        f"    :Allowed: {option.allowed}",
        f"    :Default: {default}",
    ]
    return "\n".join(lines) + "\n"


def rewritten(page: str) -> str:
    """Replace the reference part of the page."""
    return page.partition(BEGIN)[0] + BEGIN + "\n" + render()


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
