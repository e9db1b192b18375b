"""The process that was started, where others serve the clients, and what it does for them."""
