"""Decisions, without the means to carry them out: who gets which backend, and when."""
