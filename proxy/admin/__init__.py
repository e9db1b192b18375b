"""The admin API: what operators see of the running proxy, and what they tell it."""
