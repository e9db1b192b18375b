"""Settings of the manual."""

from proxy import __version__

project = "mysqlproxy"
author = "the mysqlproxy developers"
copyright = author  # noqa: A001 - the name that Sphinx wants
release = __version__
html_theme = "alabaster"
exclude_patterns = ["_build"]
nitpicky = True
