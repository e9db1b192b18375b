"""A process that serves: wiring, start, drain, stop."""
