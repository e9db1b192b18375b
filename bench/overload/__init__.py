"""What a proxy does that is asked for more than it has: many times the work, and storms."""
