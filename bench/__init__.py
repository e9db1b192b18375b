"""Comparisons of speed and memory; see README.rst."""
