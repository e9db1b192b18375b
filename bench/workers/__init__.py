"""``make bench-workers``: what several processes cost, and what they give."""
