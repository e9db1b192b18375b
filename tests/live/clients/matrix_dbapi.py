"""Many logins by PyMySQL or mysql-connector-python: matrix_dbapi.py DRIVER, JSON in and out.

`tests.support.login_clients` says what goes in and what comes out.
"""

import functools
import json
import os
import ssl
import sys

DRIVER = sys.argv[1]
SECONDS = 60
TLS_OF_THE_TARGET = "SHOW SESSION STATUS LIKE 'Ssl_version'"

if DRIVER == "pymysql":
    import pymysql as dbapi
else:
    import mysql.connector as dbapi
    from mysql.connector import utils

    # A connection's attributes name the system, for which a program is run each time.
    utils.linux_distribution = functools.cache(utils.linux_distribution)

CONTEXTS = {}
"""What PyMySQL needs for TLS, by authority: it takes longer to make than to use."""


def pymysql_connection(login):
    options = {"ssl_disabled": True}
    if login["ca"]:
        if login["ca"] not in CONTEXTS:
            CONTEXTS[login["ca"]] = ssl.create_default_context(cafile=login["ca"])
        options = {"ssl": CONTEXTS[login["ca"]]}
    return dbapi.connect(
        host="127.0.0.1",
        port=login["port"],
        user=login["user"],
        password=login["password"],
        connect_timeout=SECONDS,
        read_timeout=SECONDS,
        **options,
    )


def connector_connection(login):
    options = {"ssl_disabled": True}
    if login["ca"]:
        # For each connection it reads all that the system trusts too, which takes longest.
        os.environ["SSL_CERT_FILE"] = login["ca"]
        options = {"ssl_ca": login["ca"], "ssl_verify_cert": True, "ssl_verify_identity": True}
        if login["clear"]:
            options["auth_plugin"] = "mysql_clear_password"
    return dbapi.connect(
        host="127.0.0.1",
        port=login["port"],
        user=login["user"],
        password=login["password"],
        use_pure=True,
        connection_timeout=SECONDS,
        **options,
    )


def talk(login):
    """Log in, look who we are, send a long parameter and get it back."""
    text = "x" * login["size"]
    if DRIVER == "pymysql":
        connection = pymysql_connection(login)
        cursor, statement = connection.cursor(), "SELECT CURRENT_USER(), %s"
    else:
        connection = connector_connection(login)
        cursor, statement = connection.cursor(prepared=True), "SELECT CURRENT_USER(), ?"
    cursor.execute(statement, (text,))
    user, back = cursor.fetchone()
    cursor.close()
    cursor = connection.cursor()
    cursor.execute(TLS_OF_THE_TARGET)
    ((_, version),) = cursor.fetchall()
    cursor.close()
    connection.close()
    return {"user": user, "echoed": back == text, "tls": version}


def outcome(login):
    """What comes of a login."""
    try:
        return talk(login)
    except dbapi.Error as error:
        return {"error": error.args[0], "message": str(error)}
    except Exception as error:  # noqa: BLE001 - the test says what it makes of it
        return {"error": 0, "message": repr(error)}


print(json.dumps([outcome(login) for login in json.load(sys.stdin)]))
