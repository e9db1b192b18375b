"""Tests of `proxy.sql.functions`."""

import pytest

from proxy.sql.functions import BUILT_IN, KEYWORDS, NATIVE, TIGHT

WITH_EFFECTS = {
    "CONNECTION_ID",
    "FOUND_ROWS",
    "GET_LOCK",
    "LAST_INSERT_ID",
    "LASTVAL",
    "NEXTVAL",
    "PS_CURRENT_THREAD_ID",
    "RELEASE_ALL_LOCKS",
    "RELEASE_LOCK",
    "ROW_COUNT",
    "SETVAL",
}


@pytest.mark.parametrize("names", [*NATIVE, *BUILT_IN, *TIGHT, KEYWORDS])
def test_no_function_with_an_effect_counts_as_harmless(names):
    """Functions that the classifier must see are in none of the sets."""
    assert not names & WITH_EFFECTS


@pytest.mark.parametrize("names", [*NATIVE, *BUILT_IN, *TIGHT, KEYWORDS])
def test_names_are_words_in_upper_case(names):
    """A name in any other form would never be found."""
    assert names
    assert all(name.isidentifier() and name == name.upper() for name in names)


@pytest.mark.parametrize("mariadb", [False, True])
def test_each_name_stands_in_one_place(mariadb):
    """What needs its parenthesis at once is not also known with a space between."""
    assert not TIGHT[mariadb] & BUILT_IN[mariadb]
    assert not KEYWORDS & BUILT_IN[mariadb]
    assert NATIVE[mariadb] <= BUILT_IN[mariadb]
