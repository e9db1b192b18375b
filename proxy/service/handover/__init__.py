"""Another process takes over: the next release, or another worker, with all clients."""
