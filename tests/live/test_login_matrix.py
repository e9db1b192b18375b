"""Every client logs in by every plugin, with and without TLS on either side.

What a cell is stands in `tests.support.login_matrix`, how it is run in
`tests.support.login_stand`: once for each server, of which the tests look at the report.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.config.tls import TlsMode
from proxy.embedded import Flavor
from tests.support.login_clients import CLIENT_HAS_TO_SEND_IT, Driver
from tests.support.login_matrix import (
    ACCOUNTS,
    MODES,
    Account,
    Cell,
    ClientTls,
    Way,
    cells,
    has_to_be_refused,
)
from tests.support.login_stand import Report, run_matrix
from tests.support.process import WORKERS

pytestmark = pytest.mark.live

DENIED = 1045
NO_SUCH_PLUGIN = 1524
TLS_REQUIRED = 3159

CELLS = [cell for flavor in Flavor for cell in cells(flavor)]


@pytest.fixture(scope="module")
def mysql_report(tmp_path_factory) -> Report:
    """What came of all logins through the proxy to MySQL."""
    return run_matrix(Flavor.MYSQL, tmp_path_factory.mktemp("mysql"))


@pytest.fixture(scope="module")
def mariadb_report(tmp_path_factory) -> Report:
    """What came of all logins through the proxy to MariaDB."""
    return run_matrix(Flavor.MARIADB, tmp_path_factory.mktemp("mariadb"))


@pytest.fixture
def report_of(request) -> Callable[[Flavor], Report]:
    """The report about a flavor."""
    return lambda flavor: request.getfixturevalue(f"{flavor.value}_report")


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_login(cell, report_of):
    """The right one is let in and served, the wrong one refused, as far as the cell can be."""
    report = report_of(cell.flavor)
    good, bad = report.good[cell], report.bad[cell]
    assert bad.error == DENIED, bad
    if has_to_be_refused(cell):
        assert good.error == DENIED, good
        assert report.dials[cell] == 0
        return
    assert good.error is None, good
    assert good.user == f"{cell.user}@%"
    assert good.echoed
    assert bool(good.tls) == (cell.mode is not TlsMode.DISABLED), good
    # So the proxy has proved who it is: no connection of an earlier login was left.  Workers
    # have connections of their own, and hand on how many they may have.
    assert report.dials[cell] == 1 or (WORKERS > 1 and report.dials[cell] > 1)


PLAIN = [
    Cell(flavor, account, mode, ClientTls.REQUIRED, way, driver)
    for flavor, account in ((Flavor.MYSQL, Account.WARM), (Flavor.MARIADB, Account.NATIVE))
    for mode in MODES
    for way in Way
    for driver in Driver
    if not way.is_again
]


@pytest.mark.parametrize("cell", PLAIN, ids=str)
def test_without_the_tls_that_is_required(cell, report_of):
    """Nobody comes in, whatever they would have shown, and the error says why."""
    outcome = report_of(cell.flavor).plain[cell]
    assert outcome.error == TLS_REQUIRED, outcome


@pytest.mark.parametrize("flavor", Flavor, ids=lambda flavor: flavor.value)
def test_what_the_server_has(flavor, report_of):
    """It refuses the accounts that have no cells, for it lacks their plugin, and no others."""
    lacking = {account for account in Account if account not in ACCOUNTS[flavor]}
    assert lacking
    assert report_of(flavor).missing == dict.fromkeys(lacking, NO_SUCH_PLUGIN)


@pytest.mark.parametrize("flavor", Flavor, ids=lambda flavor: flavor.value)
def test_what_the_log_tells(flavor, report_of):
    """No password and no token that a client showed, good or bad, with or without TLS."""
    assert report_of(flavor).told == []


def test_what_the_server_remembers(mysql_report):
    """A cold account needs its password itself in each round, a warm one does not."""
    found = [(account, outcome.error) for account, outcome in mysql_report.cached]
    assert found == [(Account.COLD, CLIENT_HAS_TO_SEND_IT), (Account.WARM, None)] * 2
