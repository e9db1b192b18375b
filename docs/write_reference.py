"""Writes the reference parts of the manual, and the schema of the settings for editors.

Run it after a change of proxy/config/model.py or proxy/session/advice.py: `make reference`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from proxy.config.reference import Option, describe
from proxy.config.schema import schema_text
from proxy.session.advice import ADVICE, Advice, filters_for
from proxy.session.pins import PinReason

PAGE = Path(__file__).parent / "configuration.rst"
PINNING = Path(__file__).parent / "pinning.rst"
SCHEMA = Path(__file__).parent.parent / "etc" / "mysqlproxy.schema.json"
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


def render_reasons() -> str:
    """Write what `mysqlproxy pins` says of each reason as reStructuredText."""
    return "\n".join(_reason(reason, advice) for reason, advice in ADVICE.items())


def _reason(reason: PinReason, advice: Advice) -> str:
    lines = [
        f"``{reason.name}``: {advice.title}",
        f"    :Pins: {advice.pins}",
        f"    :Until: {advice.ends}",
        f"    :Application: {advice.application}",
    ]
    lines += [f"    :Example: ``{example}``" for example in advice.examples]
    if advice.operator:
        lines.append(f"    :Operator: {advice.operator}")
    if filters := filters_for(reason):
        lines.append(f"    :Filters: {', '.join(f'``{name}``' for name in filters)}")
    return "\n".join(lines) + "\n"


def rewritten(page: str, rest: Callable[[], str] = render) -> str:
    """Replace the reference part of the page."""
    return page.partition(BEGIN)[0] + BEGIN + "\n" + rest()


if __name__ == "__main__":
    for path, rest in ((PAGE, render), (PINNING, render_reasons)):
        path.write_text(rewritten(path.read_text(encoding="utf-8"), rest), encoding="utf-8")
    SCHEMA.write_text(schema_text(), encoding="utf-8")
