"""User variables read from one connection of a real server and set on another."""

from __future__ import annotations

import attrs
import pymysql
import pytest

from proxy.embedded import Flavor, Server
from proxy.session.user_variables import assignments, reading
from proxy.wire.constants import FieldType
from proxy.wire.responses import Column

pytestmark = pytest.mark.live

EVERYWHERE = [
    "0",
    "-9223372036854775808",
    "9223372036854775807",
    "18446744073709551615",
    "CAST(5 AS UNSIGNED)",
    "CAST(NULL AS SIGNED)",
    "CAST(NULL AS UNSIGNED)",
    "TRUE",
    "1.50",
    "-0.000000000000000000000000000001",
    "99999999999999999999999999999999999999999999999999999999999999999",
    "CAST(7 AS DECIMAL(10, 0))",
    "CAST(-7 AS DECIMAL(10, 0))",
    "CAST(NULL AS DECIMAL(10, 2))",
    "0.1e0",
    "0.1e0 + 0.2e0",
    "1e308",
    "-2.2250738585072014e-308",
    "3e0",
    "1e15",
    "123456789012345680e0",
    "PI()",
    "1e0 / 3e0",
    "NULL + 0e0",
    "NULL",
    "''",
    "'it''s'",
    "'\\\\'",
    "'100%'",
    "x'00ff27'",
    "b'101'",
    "CAST('' AS BINARY)",
    "CAST(NULL AS CHAR)",
    "CAST(NULL AS BINARY)",
    "_latin1 x'e4' COLLATE latin1_german1_ci",
    "_utf8mb4 x'f09f9880' COLLATE utf8mb4_bin",
    "_utf16 x'0041'",
    "_ucs2 x'00e4' COLLATE ucs2_bin",
    "_utf32 x'0001f600'",
    "_gbk x'bf5c'",
    "_sjis x'835c' COLLATE sjis_bin",
    "_ascii 'a'",
    "CONVERT('a' USING utf8mb3) COLLATE utf8mb3_general_ci",
    "REPEAT('x', 70000)",
    "NOW(6)",
    "CURDATE()",
    "CAST('12:34:56.789' AS TIME(3))",
    "TIMESTAMP'2020-01-01 00:00:00'",
    "YEAR(NOW())",
    "JSON_OBJECT('a', 1)",
    "UUID()",
    "1 = 1",
]
ONLY = {
    Flavor.MYSQL: [
        "POINT(1, 2)",
        "CAST(1.5 AS FLOAT)",
        "CAST('[1, 2]' AS JSON)",
        "_utf8mb4 'a' COLLATE utf8mb4_0900_ai_ci",
        "_utf8mb4 'a' COLLATE utf8mb4_ja_0900_as_cs_ks",
        "_gb18030 'a'",
        "UUID_TO_BIN(UUID())",
    ],
    Flavor.MARIADB: [
        "CAST(1.5 AS DOUBLE)",
        "CONVERT('a' USING utf8mb4) COLLATE utf8mb4_uca1400_ai_ci",
        "CAST('2001:db8::1' AS INET6)",
        "CAST(UUID() AS UUID)",
        "JSON_EXTRACT('{\"a\": 1.5}', '$.a')",
    ],
}
BEFORE = ["NULL", "5", "1.5", "2e0", "_latin1 'x'", "x'00'", "_utf8mb4 'y' COLLATE utf8mb4_bin"]
"""What the other connection had in the variable: some session before left it there."""


@attrs.frozen
class Seen:
    """What a client can tell of a variable."""

    value: bytes | None
    collation: bytes | None
    type: int
    flags: int
    charset: int
    decimals: int


def connect(server: Server) -> pymysql.Connection:
    return pymysql.connect(
        host=server.host,
        port=server.port,
        user="admin",
        password="admin-secret-1",
        charset="utf8mb4",
        ssl_disabled=True,
        conv=pymysql.converters.encoders.copy(),
    )


def read(connection: pymysql.Connection, name: bytes) -> tuple[Seen, bytes]:
    """What a variable is, and what a SET says of it."""
    with connection.cursor() as cursor:
        cursor.execute(b"SELECT " + b", ".join(reading([name])))
        fields = cursor._result.fields
        (row,) = cursor.fetchall()
    columns = [Column(field.type_code, field.flags) for field in fields]
    said = assignments([name], columns, [None, row[1], row[2]])
    field = fields[0]
    seen = Seen(row[1], row[2], field.type_code, field.flags, field.charsetnr, field.scale)
    return seen, said[name]


@pytest.mark.parametrize("charset", ["utf8mb4", "latin1"])
def test_every_type_and_collation_comes_back(any_server, charset):
    """Value, type, sign and collation are the same elsewhere, whatever was there before."""
    differences = {}
    with connect(any_server) as one, connect(any_server) as other:
        for number, written in enumerate([*EVERYWHERE, *ONLY[any_server.flavor]]):
            name = b"a ` %d" % number
            one.query(f"SET @`a `` {number}` = {written}")
            seen, said = read(one, name)
            for before in BEFORE:
                other.query(f"SET @`a `` {number}` = {before}")
                other.query(f"SET NAMES {charset}")
                other.query(b"SET " + said)
                other.query("SET NAMES utf8mb4")
                found, again = read(other, name)
                if (found, again) != (seen, said):
                    differences[written, before] = (seen, found)
    assert differences == {}


def test_a_variable_never_set_is_told_from_one_set_to_null(any_server):
    """By the type of its column; it is not among those to be set again."""
    with connect(any_server) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET @null = NULL")
        said = {}
        for name in (b"never", b"null"):
            with connection.cursor() as cursor:
                cursor.execute(b"SELECT " + b", ".join(reading([name])))
                row = cursor.fetchone()
                columns = [
                    Column(field.type_code, field.flags, field.length)
                    for field in cursor._result.fields
                ]
            said |= assignments([name], columns, [row[0], row[1], row[2]])
    assert list(said) == [b"null"]


def test_a_geometry_comes_back_as_its_bytes(mariadb_server):
    """MariaDB remembers that a variable is one; its functions take the bytes as well."""
    with connect(mariadb_server) as one, connect(mariadb_server) as other:
        one.query("SET @g = ST_GeomFromText('POINT(1 2)', 4326)")
        seen, said = read(one, b"g")
        other.query(b"SET " + said)
        found, _ = read(other, b"g")
        assert found == attrs.evolve(seen, type=FieldType.LONG_BLOB)
        with other.cursor() as cursor:
            cursor.execute("SELECT ST_AsText(@g), ST_SRID(@g)")
            assert cursor.fetchall() == (("POINT(1 2)", "4326"),)
