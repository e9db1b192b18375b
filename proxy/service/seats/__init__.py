"""A process that serves clients beside others like it, under a supervisor."""
