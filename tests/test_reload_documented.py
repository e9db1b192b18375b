"""The manual says of each setting what becomes of it at a reload."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_the_manual_is_as_the_table():
    """What `proxy.config.diff` says is what people read."""
    page = (DOCS / "reload.rst").read_text(encoding="utf-8")
    write_reload = runpy.run_path(str(DOCS / "write_reload.py"))
    assert page == write_reload["rewritten"](page), "run `make reference`"
