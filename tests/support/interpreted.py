"""A module as Python, whatever form the rest of the project runs in.

Compiled classes have no subclasses that are not compiled, so a test that stands in for one of
theirs takes the class from here.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def interpreted(name):
    """Load `proxy.net.shell`, say, from its source, beside the module that others import."""
    path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
    spec = importlib.util.spec_from_file_location(f"interpreted_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
