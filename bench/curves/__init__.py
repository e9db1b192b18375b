"""Curves that show how the proxy's cost grows: ``python -m bench.curves.run``."""
