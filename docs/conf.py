"""Settings of the manual."""

from proxy import __version__

project = "mysqlproxy"
author = "the mysqlproxy developers"
copyright = author  # noqa: A001 - the name that Sphinx wants
release = __version__
html_theme = "alabaster"
html_theme_options = {
    "page_width": "1200px",  # names of settings and of series are long
    "body_max_width": "none",
}
exclude_patterns = ["_build"]
nitpicky = True
