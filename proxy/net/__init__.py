"""Twisted protocols: shells that carry bytes between transports and dialogues."""
