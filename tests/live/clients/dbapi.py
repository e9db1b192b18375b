"""Run script.json by a driver of the Python database API: dbapi.py DRIVER PORT PASSWORD."""

import importlib
import json
import pathlib
import sys
import warnings

warnings.simplefilter("ignore")
driver, port, password = sys.argv[1], int(sys.argv[2]), sys.argv[3]
reach = {"host": "127.0.0.1", "port": port, "user": "app", "charset": "utf8mb4"}
special = {
    "pymysql": {"password": password, "ssl_disabled": True, "autocommit": True},
    "MySQLdb": {"passwd": password, "autocommit": True},
    "mysql.connector": {"password": password, "ssl_disabled": True, "autocommit": True},
}
module = importlib.import_module(driver)
connection = module.connect(**reach, **special[driver])
placeholder = "%s"


def run(sql, parameters):
    prepared = driver == "mysql.connector" and parameters is not None
    cursor = connection.cursor(prepared=True) if prepared else connection.cursor()
    answer = {"sql": sql[:60]}
    try:
        if parameters is None:
            cursor.execute(sql)
        else:
            cursor.execute(sql.replace("?", placeholder), tuple(parameters))
        rows = []
        while True:
            if cursor.description:
                names = [column[0] for column in cursor.description]
                rows.append([names, [[repr(v)[:80] for v in row] for row in cursor.fetchall()]])
            if not getattr(cursor, "nextset", lambda: None)():
                break
        answer |= {"rows": rows, "affected": cursor.rowcount, "id": cursor.lastrowid}
    except module.Error as error:
        answer["error"] = [getattr(error, "errno", None), *map(str, error.args)]
    finally:
        try:
            cursor.close()
        except module.Error as error:
            answer["close"] = str(error)
    print(json.dumps(answer, default=str))


for step in json.loads((pathlib.Path(__file__).parent / "script.json").read_text()):
    run(step[0], step[1] if len(step) > 1 else None)
connection.ping() if driver != "MySQLdb" else connection.ping(False)
run("SELECT 'still here'", None)
connection.close()
