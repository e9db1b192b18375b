"""The command line `mysqlproxy`."""

from __future__ import annotations

from proxy.cli.main import main

__all__ = ["main"]
