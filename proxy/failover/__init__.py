"""Which target takes writes, which ones serve reads: looking, deciding, moving clients."""
