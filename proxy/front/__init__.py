"""Serving clients: the listener, the login, the express lane and the conductor."""
