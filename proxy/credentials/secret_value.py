"""What stands in a secret: the JSON that Amazon RDS and its rotation functions write.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
"""

from __future__ import annotations

import json

import attrs

MAX_SECRET_BYTES = 65_536
"""Secrets Manager takes no larger value (its quota "secret value size")."""

MAX_USERNAME_CHARACTERS = 128
"""MariaDB's limit; MySQL's is 32."""

ENGINES = frozenset({"mysql", "mariadb", "aurora", "aurora-mysql"})
"""The engines of RDS that speak MySQL's protocol; `aurora` was the first name of the last."""

_SHOWN_CHARACTERS = 24
"""The longest name of an engine (`custom-sqlserver-ee`) is shorter."""


class SecretUnusableError(Exception):
    """A secret does not hold a user and a password; `why` says so without its content."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@attrs.frozen
class SecretValue:
    """A user and a password.

    Attributes:
        username: Not empty.
        password: May be empty, as a password may be at MySQL.
        engine: In small letters, one of `ENGINES`; empty where the secret does not say.
    """

    username: str
    password: str = attrs.field(repr=False)
    engine: str = ""


def parse_secret(text: str) -> SecretValue:
    """Read the value of a secret.

    Raises:
        SecretUnusableError: it is too large, not such JSON, or for another kind of database.
    """
    # A character has a byte at least: what is far too long need not be encoded to see it.
    if len(text) > MAX_SECRET_BYTES or _size(text) > MAX_SECRET_BYTES:
        raise SecretUnusableError(f"it is larger than {MAX_SECRET_BYTES:,} bytes")
    fields = _object(text)
    engine = fields.get("engine")
    return SecretValue(
        _username(fields), _text(fields, "password"), "" if engine is None else _engine(engine)
    )


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        # The parser's own words would say where, and its error keeps the whole text.
        value = None
        is_json = False
    else:
        is_json = True
    if not is_json:
        raise SecretUnusableError("it is not JSON")
    if not isinstance(value, dict):
        raise SecretUnusableError('it is no JSON object with "username" and "password"')
    return value


def _username(fields: dict[str, object]) -> str:
    name = _text(fields, "username")
    if not name:
        raise SecretUnusableError('its "username" is empty')
    if len(name) > MAX_USERNAME_CHARACTERS:
        raise SecretUnusableError(
            f'its "username" is longer than {MAX_USERNAME_CHARACTERS} characters'
        )
    return name


def _text(fields: dict[str, object], name: str) -> str:
    if name not in fields:
        raise SecretUnusableError(f'it lacks "{name}"')
    text = fields[name]
    if not isinstance(text, str):
        raise SecretUnusableError(f'its "{name}" is not a text')
    # The dialogue ends names and passwords with a zero byte, and sends them in UTF-8.
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise SecretUnusableError(f'its "{name}" has a character that MySQL cannot take')
    return text


def _engine(engine: object) -> str:
    if not isinstance(engine, str):
        raise SecretUnusableError('its "engine" is not a text')
    if engine.lower() not in ENGINES:
        raise SecretUnusableError(
            f'its "engine" is {engine[:_SHOWN_CHARACTERS]!a}, '
            f"which is none of {', '.join(sorted(ENGINES))}"
        )
    return engine.lower()
