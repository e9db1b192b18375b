"""Settings for Django's own tests, which ``runtests.py`` imports by name."""

import os
from pathlib import Path

import pymysql

# Django asks for mysqlclient of this version, whose interface PyMySQL has.
pymysql.version_info = (2, 2, 7, "final", 0)
pymysql.install_as_MySQLdb()

OUTCOMES = Path(os.environ["SUITE_OUTCOMES"])
SERVER = {
    "ENGINE": "django.db.backends.mysql",
    "HOST": "127.0.0.1",
    "PORT": os.environ["SUITE_PORT"],
    "USER": os.environ["SUITE_USER"],
    "PASSWORD": os.environ["SUITE_PASSWORD"],
    "OPTIONS": {"ssl_disabled": True, "charset": "utf8mb4"},
    "TEST": {"CHARSET": "utf8mb4"},
}
DATABASES = {name: {**SERVER, "NAME": name} for name in ("default", "other")}
SECRET_KEY = "no secret"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
TEST_RUNNER = "xmlrunner.extra.djangotestrunner.XMLTestRunner"
TEST_OUTPUT_DIR = str(OUTCOMES.parent)
TEST_OUTPUT_FILE_NAME = OUTCOMES.name
