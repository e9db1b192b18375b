"""Backends: opened, brought into a known state, lent, taken back, closed."""
