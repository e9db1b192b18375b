"""`python -m proxy` is the command line."""

from __future__ import annotations

from proxy.cli.main import main

main(prog_name="mysqlproxy")
