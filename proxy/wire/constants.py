"""Numbers of the protocol.

Source: MySQL internals manual, "Capabilities Flags", "Status Flags", "Command Phase".
"""

from __future__ import annotations

import enum
from typing import Final

MAX_PACKET = 0xFFFFFF
"""Payload bytes of a full physical packet: a longer payload goes on in the next one.

Not Final, for tests make it small.
"""

HEADER: Final = 4
"""Bytes before each payload: three of length, one of sequence number."""


class Capability:
    """What the two sides of a connection agree to use: bits of one integer.

    Plain integers, as in `Status`: combining flags of `enum` takes longer than parsing a login.
    """

    LONG_PASSWORD: Final = 1 << 0  # CLIENT_MYSQL for MariaDB: unset says "extensions follow"
    FOUND_ROWS: Final = 1 << 1
    LONG_FLAG: Final = 1 << 2
    CONNECT_WITH_DB: Final = 1 << 3
    NO_SCHEMA: Final = 1 << 4
    COMPRESS: Final = 1 << 5
    ODBC: Final = 1 << 6
    LOCAL_FILES: Final = 1 << 7
    IGNORE_SPACE: Final = 1 << 8
    PROTOCOL_41: Final = 1 << 9
    INTERACTIVE: Final = 1 << 10
    SSL: Final = 1 << 11
    IGNORE_SIGPIPE: Final = 1 << 12
    TRANSACTIONS: Final = 1 << 13
    RESERVED: Final = 1 << 14
    SECURE_CONNECTION: Final = 1 << 15
    MULTI_STATEMENTS: Final = 1 << 16
    MULTI_RESULTS: Final = 1 << 17
    PS_MULTI_RESULTS: Final = 1 << 18
    PLUGIN_AUTH: Final = 1 << 19
    CONNECT_ATTRS: Final = 1 << 20
    PLUGIN_AUTH_LENENC_CLIENT_DATA: Final = 1 << 21
    CAN_HANDLE_EXPIRED_PASSWORDS: Final = 1 << 22
    SESSION_TRACK: Final = 1 << 23
    DEPRECATE_EOF: Final = 1 << 24
    OPTIONAL_RESULTSET_METADATA: Final = 1 << 25
    ZSTD_COMPRESSION: Final = 1 << 26
    QUERY_ATTRIBUTES: Final = 1 << 27
    MULTI_FACTOR_AUTHENTICATION: Final = 1 << 28


class Status:
    """What a server says about the session at the end of each answer: bits of one integer."""

    IN_TRANS: Final = 0x0001
    AUTOCOMMIT: Final = 0x0002
    MORE_RESULTS: Final = 0x0008
    NO_GOOD_INDEX_USED: Final = 0x0010
    NO_INDEX_USED: Final = 0x0020
    CURSOR_EXISTS: Final = 0x0040
    LAST_ROW_SENT: Final = 0x0080
    DB_DROPPED: Final = 0x0100
    NO_BACKSLASH_ESCAPES: Final = 0x0200
    METADATA_CHANGED: Final = 0x0400
    QUERY_WAS_SLOW: Final = 0x0800
    PS_OUT_PARAMS: Final = 0x1000
    IN_TRANS_READONLY: Final = 0x2000
    SESSION_STATE_CHANGED: Final = 0x4000
    ANSI_QUOTES: Final = 0x8000  # MariaDB's


class Command(enum.IntEnum):
    """First byte of a command packet."""

    SLEEP = 0x00
    QUIT = 0x01
    INIT_DB = 0x02
    QUERY = 0x03
    FIELD_LIST = 0x04
    CREATE_DB = 0x05
    DROP_DB = 0x06
    REFRESH = 0x07
    SHUTDOWN = 0x08
    STATISTICS = 0x09
    PROCESS_INFO = 0x0A
    CONNECT = 0x0B
    PROCESS_KILL = 0x0C
    DEBUG = 0x0D
    PING = 0x0E
    TIME = 0x0F
    DELAYED_INSERT = 0x10
    CHANGE_USER = 0x11
    BINLOG_DUMP = 0x12
    TABLE_DUMP = 0x13
    CONNECT_OUT = 0x14
    REGISTER_SLAVE = 0x15
    STMT_PREPARE = 0x16
    STMT_EXECUTE = 0x17
    STMT_SEND_LONG_DATA = 0x18
    STMT_CLOSE = 0x19
    STMT_RESET = 0x1A
    SET_OPTION = 0x1B
    STMT_FETCH = 0x1C
    DAEMON = 0x1D
    BINLOG_DUMP_GTID = 0x1E
    RESET_CONNECTION = 0x1F
    CLONE = 0x20


class SessionTrack(enum.IntEnum):
    """Kind of an entry in the session-state block of an OK packet."""

    SYSTEM_VARIABLES = 0
    SCHEMA = 1
    STATE_CHANGE = 2
    GTIDS = 3
    TRANSACTION_CHARACTERISTICS = 4
    TRANSACTION_STATE = 5


class FieldType(enum.IntEnum):
    """Column and parameter types (`enum_field_types`)."""

    DECIMAL = 0x00
    TINY = 0x01
    SHORT = 0x02
    LONG = 0x03
    FLOAT = 0x04
    DOUBLE = 0x05
    NULL = 0x06
    TIMESTAMP = 0x07
    LONGLONG = 0x08
    INT24 = 0x09
    DATE = 0x0A
    TIME = 0x0B
    DATETIME = 0x0C
    YEAR = 0x0D
    VARCHAR = 0x0F
    BIT = 0x10
    JSON = 0xF5
    NEWDECIMAL = 0xF6
    ENUM = 0xF7
    SET = 0xF8
    TINY_BLOB = 0xF9
    MEDIUM_BLOB = 0xFA
    LONG_BLOB = 0xFB
    BLOB = 0xFC
    VAR_STRING = 0xFD
    STRING = 0xFE
    GEOMETRY = 0xFF


UNSIGNED = 0x20
"""Flag of a column definition: the number has no sign."""
