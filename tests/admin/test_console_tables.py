import attrs

from proxy.admin.console_tables import (
    MOST_ROWS,
    chosen,
    columns_of,
    flattened,
    row_of,
    table,
    text_columns,
)
from proxy.admin.console_words import like
from proxy.admin.snapshot import ClientStatus, EventStatus, PoolStatus
from proxy.wire.tables import Kind


def test_numbers_have_columns_of_numbers():
    """Also those that may be missing; what is true or false is a number too."""
    kinds = {column.name: column.kind for column in columns_of(ClientStatus)}
    assert kinds["user"] is Kind.TEXT
    assert kinds["pins"] is Kind.TEXT
    assert kinds["number"] is kinds["connection"] is Kind.WHOLE
    assert kinds["silent"] is Kind.FRACTION
    assert {column.name: column.kind for column in columns_of(PoolStatus)}["held"] is Kind.WHOLE


def test_a_row_has_the_values_of_a_snapshot():
    """Lists become texts, seconds are rounded, and others may stand before them."""
    client = ClientStatus(
        proxy="shop",
        number=7,
        endpoint="main",
        user="app",
        address="10.0.0.1",
        schema="",
        tls="",
        state="idle",
        connected=1.23456789,
        silent=0.0,
        waiting=0.0,
        target=None,
        connection=None,
        pins=("LOCK", "SET"),
    )
    row = row_of(client, "first")
    assert row[:4] == ("first", "shop", 7, "main")
    assert row[9] == 1.234568
    assert row[-4:] == (None, None, "LOCK, SET", 1)


def test_mappings_become_json():
    """The fields of an event, for instance."""
    event = EventStatus(number=1, time="t", level="info", event="e", fields={"a": "caf\xe9"})
    assert row_of(event)[-1] == '{"a": "caf\xe9"}'


def test_rows_are_chosen_by_any_of_their_texts():
    """Numbers do not count."""
    rows = [("shop", 1, None), ("blog", 2, "shopping"), ("news", 3, None)]
    assert [row[1] for row in chosen(rows, like("shop%"))] == [1, 2]
    assert [row[1] for row in chosen(rows, limit=1)] == [1]
    assert list(chosen(rows, limit=0)) == []
    assert list(chosen(rows)) == rows


def test_there_are_so_many_rows_at_most():
    """Unless a limit asks for more."""
    endless = iter(lambda: ("a",), None)
    assert sum(1 for _ in chosen(endless)) == MOST_ROWS
    assert sum(1 for _ in chosen(endless, limit=MOST_ROWS + 1)) == MOST_ROWS + 1


def test_settings_have_key_paths():
    """As the configuration file and its errors have them."""
    setting = {"proxies": [{"name": "shop", "auth": [], "on": True, "x": None}], "n": 1}
    assert dict(flattened("", setting)) == {
        "proxies[0].name": "shop",
        "proxies[0].auth": "",
        "proxies[0].on": "true",
        "proxies[0].x": None,
        "n": "1",
    }


def test_a_table_of_a_few_rows():
    """Columns and rows as given."""
    made = table(text_columns("a", "b"), ("1", "2"))
    assert [column.name for column in made.columns] == ["a", "b"]
    assert made.rows == (("1", "2"),)
    assert attrs.fields_dict(type(made)).keys() == {"columns", "rows"}
