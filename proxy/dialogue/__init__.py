"""Conversations without input or output: a machine for each side of the wire.

Bytes go in by `receive_data`, events come out as a list, `bytes_to_send` is what the peer
should get.  A machine never raises for its peer: it answers `Broken` and stays broken.
"""
