"""What the proxy shows of itself: its log and its metrics."""
