import pymysql
import pytest

from proxy.embedded import Flavor, ServerFailedError

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


def test_admin_may_grant(any_server):
    """WITH GRANT OPTION in a grant goes where the statement wants it."""
    with any_server.connect(user="admin", password="admin-secret-1") as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE USER test_granted@'%' IDENTIFIED BY 'x-1'")
        cursor.execute("GRANT SELECT ON shop.* TO test_granted@'%'")
        cursor.execute("DROP USER test_granted@'%'")


def test_password_with_quotes_is_the_password(any_server):
    """A quote in a password is a character like any other."""
    any_server.create_user("test_quoted", "it's", grants=())
    any_server.connect(user="test_quoted", password="it's").close()
    any_server.execute("DROP USER test_quoted@'%'")


def test_backslash_is_refused(any_server):
    """A backslash means different things in different sql_modes, so there is none."""
    with pytest.raises(ServerFailedError, match="Backslashes"):
        any_server.create_user("test_backslash", "a\\b")


@pytest.mark.parametrize(
    ("flavor", "plugin"),
    [("mysql", "caching_sha2_password"), ("mariadb", "mysql_native_password")],
)
def test_account_gets_the_plugin_that_was_asked_for(request, flavor, plugin):
    """The plugin of an account is the caller's choice, in either flavor's syntax."""
    server = request.getfixturevalue(f"{flavor}_server")
    server.create_user("test_plugin", "secret-1", plugin, grants=())
    try:
        rows = server.execute("SELECT plugin FROM mysql.user WHERE User = 'test_plugin'")
        server.connect(user="test_plugin", password="secret-1").close()
    finally:
        server.execute("DROP USER test_plugin@'%'")
    assert rows == ((plugin,),)


def test_mysql_logs_in_without_tls_by_its_rsa_key(mysql_server):
    """Full caching_sha2_password works on plain TCP: the server has its RSA key pair."""
    mysql_server.create_user("test_rsa", "secret-1", grants=())
    with mysql_server.connect(
        user="test_rsa", password="secret-1", ssl_disabled=True
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        assert cursor.fetchall() == (("Ssl_cipher", ""),)
    mysql_server.execute("DROP USER test_rsa@'%'")


def test_mysql_speaks_tls_under_its_own_authority(mysql_server):
    """The certificate made at initialisation is signed by the ca.pem beside it."""
    with mysql_server.connect(
        ssl_ca=str(mysql_server.data_folder / "ca.pem"), ssl_verify_cert=True
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        [[_, cipher]] = cursor.fetchall()
    assert cipher


def test_server_can_load_local_files_and_reports_its_variables(any_server):
    """LOCAL INFILE is on, and on MySQL performance_schema has the session's variables."""
    assert any_server.execute("SELECT @@GLOBAL.local_infile") == ((1,),)
    where = "performance_schema" if any_server.flavor is Flavor.MYSQL else "information_schema"
    [[count]] = any_server.execute(f"SELECT COUNT(*) FROM {where}.session_variables")
    assert count > 100


def test_representation_tells_address_and_version_but_no_password(any_server):
    """A server in a log names where it is, and never its password."""
    text = repr(any_server)
    assert any_server.version in text
    assert str(any_server.port) in text
    assert any_server.password not in text
