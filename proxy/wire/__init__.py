"""Bytes and values of the MySQL client/server protocol: no state, no input, no output.

Parsers answer with a value or with `Malformed`; they never raise for what a peer sent, and
never allocate what a length field merely claims.
"""
