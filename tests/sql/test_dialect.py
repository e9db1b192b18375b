"""Tests of `proxy.sql.dialect`."""

from proxy.sql.dialect import DEFAULT_DIALECT, Dialect


def test_equal_settings_are_one_key():
    """Dialects of the same settings are equal and hash alike, so what was kept is found."""
    assert Dialect() == DEFAULT_DIALECT
    assert hash(Dialect(ansi_quotes=True)) == hash(Dialect(ansi_quotes=True))
    assert Dialect(mariadb=True) != DEFAULT_DIALECT
