"""Which form of the innermost modules runs: compiled, or Python."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES

from proxy.dialogue import exchange


def form() -> str:
    """`compiled` or `pure Python`; `setup.py` decides it when the package is built."""
    is_compiled = exchange.__file__.endswith(tuple(EXTENSION_SUFFIXES))
    return "compiled" if is_compiled else "pure Python"
