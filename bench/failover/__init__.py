"""``make bench-failover``: what applications notice when their database moves."""
