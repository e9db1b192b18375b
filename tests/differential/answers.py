"""Answers as lines of text, in which all is said that may not differ."""

from __future__ import annotations

import re
import struct
import time

from pymysql.charset import charset_by_id

from tests.differential.script import Client, Query, Step
from tests.differential.speaker import SESSION_TRACK, Packet, Packets

CHANGED = 0x4000
DAY = 86_400.0
STATEMENT_ID = b"\x0cstatement_id"
NO_INFO = ", b''"
OWN_NUMBER = re.compile(r"connection_id|get_lock|is_used_lock", re.IGNORECASE)
"""Statements that tell which connection the client has."""

OWN_REPORTS = re.compile(r"set (session )?session_track_", re.IGNORECASE)
"""A SET of what is reported: the proxy reports of it by what held before."""

THE_TIME = re.compile(rb"\ttimestamp.[0-9.]+", re.DOTALL)
"""A report of the clock, which goes on between two runs; other reports of it are of a SET."""

STATUS = re.compile(r"(?<=status )0x[0-9a-f]{4}")


def lines(client: Client, step: Step, packets: Packets) -> list[str]:
    """What a client heard, a line for each packet."""
    text = step.text if isinstance(step, Query) else ""
    if OWN_REPORTS.match(text):
        return [
            STATUS.sub(_unchanged, line.split(", change")[0])
            for line in _lines(client, text, packets)
        ]
    name = getattr(step, "name", "")
    own = f"({client.number(name)})"
    return [line.replace(own, "(its id)") for line in _lines(client, text, packets)]


def _unchanged(status: re.Match[str]) -> str:
    return f"{int(status[0], 16) & ~CHANGED:#06x}"


def _lines(client: Client, text: str, packets: Packets) -> list[str]:
    tells_number = OWN_NUMBER.search(text)
    number = str(client.speaker.number).encode() if tells_number else None
    return [f"{packet.kind}: {_readable(client, packet, number)}" for packet in packets]


def _readable(client: Client, packet: Packet, number: bytes | None) -> str:
    payload = packet.payload
    match packet.kind:
        case "column":
            return _column(payload)
        case "between":  # how many warnings there are so far says nothing of the answer
            status = struct.unpack("<H", payload[3:])[0] & ~CHANGED
            return f"EOF, status {status:#06x}"
        case "prepared":
            return repr(payload[5:])  # the id is the script's business alone
        case "first" | "end" if payload[0] in (0x00, 0xFE):
            if payload[0] == 0xFE and len(payload) == 5:
                warnings, status = struct.unpack("<HH", payload[1:])
                return f"EOF, {warnings} warnings, status {status & ~CHANGED:#06x}"
            return _ok(payload, client.speaker.capabilities)
        case "first" | "end" if payload[0] == 0xFF:
            return f"ERR {int.from_bytes(payload[1:3], 'little')} {payload[3:]!r}"
        case "row" if number is not None:
            own = bytes((len(number),)) + number
            return repr(payload.replace(own, b"<its own connection>"))
    return repr(payload)


def _column(payload: bytes) -> str:
    """A column; of its collation only the charset.

    The collation by which a server names the charset of a result cannot be set from outside.
    """
    names = []
    at = 0
    for _ in range(6):
        size = payload[at]
        names.append(payload[at + 1 : at + 1 + size].decode("latin-1"))
        at += 1 + size
    collation, length, kind, flags, decimals = struct.unpack_from("<HIBHB", payload, at + 1)
    try:
        charset = charset_by_id(collation).name
    except KeyError:
        charset = str(collation)
    return (
        f"{names[1:]} {charset} {length} {kind} {flags:#06x} {decimals} {payload[at + 13 :]!r}"
    )


def _lenenc(payload: bytes, at: int) -> tuple[int, int]:
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(payload[at])
    if size is None:
        return payload[at], at + 1
    return int.from_bytes(payload[at + 1 : at + 1 + size], "little"), at + 1 + size


def _timeless(change: bytes) -> bytes:
    found = THE_TIME.fullmatch(change)
    if found and abs(float(found[0][11:]) - time.time()) < DAY:
        return b"\ttimestamp: now"
    return change


def _ok(payload: bytes, capabilities: int) -> str:
    rows, at = _lenenc(payload, 1)
    insert_id, at = _lenenc(payload, at)
    status, warnings = struct.unpack_from("<HH", payload, at)
    at += 4
    info, changes = "", []
    if at < len(payload):
        size, at = _lenenc(payload, at)
        info = f", {payload[at : at + size]!r}"
        at += size
    if capabilities & SESSION_TRACK and status & CHANGED and at < len(payload):
        _, at = _lenenc(payload, at)
        while at < len(payload):
            kind = payload[at]
            size, at = _lenenc(payload, at + 1)
            if payload[at : at + size].startswith(STATEMENT_ID):
                at += size  # a number of the server's that grows with every statement
                continue
            changes.append(f", change {kind} {_timeless(payload[at : at + size])!r}")
            at += size
    if not changes:  # servers set the bit now and then, and have nothing to report
        status &= ~CHANGED
    said = f"OK {payload[0]:#x}, {rows} rows, id {insert_id}, status {status:#06x}"
    reports = "".join(sorted(changes))  # MariaDB's come in any order
    return f"{said}, {warnings} warnings{info or NO_INFO}{reports}"
