import pymysql.charset
import pytest

from proxy.vocabulary import ServerKind, kind_of
from proxy.wire.collations import (
    Collation,
    collation,
    is_backslash_safe,
    is_client_charset,
)

MYSQL, MARIADB = ServerKind.MYSQL, ServerKind.MARIADB


@pytest.mark.parametrize(
    ("number", "kind", "charset", "name"),
    [
        (8, MYSQL, "latin1", "latin1_swedish_ci"),
        (45, MYSQL, "utf8mb4", "utf8mb4_general_ci"),
        (63, MYSQL, "binary", "binary"),
        (255, MYSQL, "utf8mb4", "utf8mb4_0900_ai_ci"),
        (309, MYSQL, "utf8mb4", "utf8mb4_0900_bin"),
        (245, MYSQL, "utf8mb4", "utf8mb4_croatian_ci"),
        (245, MARIADB, "utf8mb4", "utf8mb4_croatian_mysql561_ci"),
        (608, MARIADB, "utf8mb4", "utf8mb4_croatian_ci"),
        (738, MARIADB, "utf32", "utf32_thai_520_w2"),
        (1069, MARIADB, "utf8mb4", "utf8mb4_general_nopad_ci"),
        (1070, MARIADB, "utf8mb4", "utf8mb4_nopad_bin"),
        (2048, MARIADB, "utf8mb3", "utf8mb3_uca1400_ai_ci"),
        (2308, MARIADB, "utf8mb4", "utf8mb4_uca1400_nopad_ai_ci"),
        (2503, MARIADB, "utf8mb4", "utf8mb4_uca1400_croatian_nopad_as_cs"),
    ],
)
def test_ids_stand_for_collations(number, kind, charset, name):
    """Some ids and names by hand, from each part of the tables."""
    assert collation(number, kind) == Collation(number, charset, name)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        *((number, MYSQL) for number in (0, 17, 576, 1069, 2048)),
        *((number, MARIADB) for number in (0, 76, 248, 255, 309, 2048 + 8 * 21, 1 << 16)),
    ],
)
def test_unknown_ids_stand_for_nothing(number, kind):
    """What a server of this kind does not have is not made up."""
    assert collation(number, kind) is None


def test_the_table_agrees_with_that_of_a_client():
    """PyMySQL's table has the same charset for each id, utf8mb3 by its older name."""
    known = pymysql.charset._charsets._by_id
    shared = 0
    for number, theirs in known.items():
        ours = collation(number, MYSQL)
        if ours is not None:
            assert ours.charset.replace("utf8mb3", "utf8") == theirs.name.replace(
                "utf8mb3", "utf8"
            )
            assert ours.name.endswith(theirs.collation.rpartition("_")[2])
            shared += 1
    assert shared > 140


def test_a_name_begins_with_its_charset():
    """Every collation is named after the charset that it orders."""
    found = [collation(number, kind) for kind in ServerKind for number in range(1 << 16)]
    known = [entry for entry in found if entry is not None]
    assert len(known) == 286 + 1242
    assert all(entry.name.startswith(entry.charset) for entry in known)


@pytest.mark.live
def test_the_tables_are_those_of_real_servers(any_server):
    """Each id of a running server has the charset and name that the server says."""
    admin = pymysql.connect(
        host=any_server.host, port=any_server.port, user="admin", password="admin-secret-1"
    )
    with admin, admin.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        kind = kind_of(cursor.fetchone()[0])
        if kind is MYSQL:
            name, table = "collation_name", "collations"
        else:
            name, table = "full_collation_name", "collation_character_set_applicability"
        cursor.execute(f"SELECT id, character_set_name, {name} FROM information_schema.{table}")
        rows = cursor.fetchall()
    assert len(rows) > 200
    assert {row: collation(row[0], kind) for row in rows} == {
        row: Collation(*row) for row in rows
    }


@pytest.mark.parametrize("charset", ["ucs2", "utf16", "utf16le", "utf32"])
def test_no_client_speaks_a_charset_without_single_bytes(charset):
    """A server refuses these for character_set_client."""
    assert not is_client_charset(charset)


def test_other_charsets_may_be_a_clients():
    """All that are left are allowed."""
    assert all(map(is_client_charset, ("latin1", "utf8mb4", "binary", "gb18030", "sjis")))


@pytest.mark.parametrize("charset", ["big5", "cp932", "gb18030", "gbk", "sjis"])
def test_a_backslash_may_be_half_a_character(charset):
    """Python's codec of the same name has a character that ends in 0x5C."""
    assert not is_backslash_safe(charset)
    found = []
    for first in range(0x81, 0xFF):
        try:
            found.append(len(bytes((first, 0x5C)).decode(charset)) == 1)
        except UnicodeDecodeError:
            continue
    assert any(found)


@pytest.mark.parametrize("charset", ["euckr", "gb2312", "latin1", "ujis", "utf8mb4"])
def test_elsewhere_a_backslash_is_a_backslash(charset):
    """All bytes of the longer characters have their highest bit set."""
    assert is_backslash_safe(charset)
