import pymysql
import pytest

pytestmark = pytest.mark.live


def test_application_logs_in_over_tcp_and_runs_a_statement(any_server):
    """An account made by create_user logs in over TCP with its password."""
    with any_server.connect(user="app", password="app-secret-1") as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1, CURRENT_USER()")
        assert cursor.fetchall() == ((1, "app@%"),)


def test_application_may_use_its_schemas_only(any_server):
    """The account app can make schemas that begin with test, and no others."""
    with any_server.connect(user="app", password="app-secret-1") as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE test_server_own")
        cursor.execute("DROP DATABASE test_server_own")
        with pytest.raises(pymysql.err.OperationalError) as refused:
            cursor.execute("CREATE DATABASE elsewhere")
    assert refused.value.args[0] == 1044
