"""Tests of `proxy.credentials.secret_value`."""

import json

import pytest

from proxy.credentials.secret_value import (
    ENGINES,
    MAX_SECRET_BYTES,
    MAX_USERNAME_CHARACTERS,
    SecretUnusableError,
    SecretValue,
    parse_secret,
)

RDS = {
    "engine": "mysql",
    "host": "db.example",
    "username": "app",
    "password": "hunter2",
    "dbname": "shop",
    "port": 3306,
    "masterarn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:master-AbCdEf",
}


def why(text):
    """Say why a secret is refused."""
    with pytest.raises(SecretUnusableError) as caught:
        parse_secret(text)
    assert str(caught.value) == caught.value.why
    return caught.value


def test_the_form_that_rds_writes_is_read():
    """User, password and engine are taken; what says where the database is, is not."""
    assert parse_secret(json.dumps(RDS)) == SecretValue("app", "hunter2", "mysql")


def test_user_and_password_are_enough():
    """A secret without an engine, or with null for it, is for whatever database there is."""
    value = SecretValue("app", "", "")
    assert parse_secret('{"username": "app", "password": ""}') == value
    assert parse_secret('{"username": "app", "password": "", "engine": null}') == value


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_engines_of_the_family_are_known_in_any_case(engine):
    """The engine is compared without regard to capitals."""
    assert parse_secret(json.dumps(RDS | {"engine": engine.upper()})).engine == engine


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hunter2", "it is not JSON"),
        ('{"username": "app", "password": hunter2}', "it is not JSON"),
        ("[" * 60_000, "it is not JSON"),
        ('{"port": ' + "1" * 5000 + "}", "it is not JSON"),
        ('"hunter2"', 'it is no JSON object with "username" and "password"'),
        ('["hunter2"]', 'it is no JSON object with "username" and "password"'),
        ('{"password": "hunter2"}', 'it lacks "username"'),
        ('{"username": "app", "Password": "hunter2"}', 'it lacks "password"'),
        ('{"username": 7, "password": "hunter2"}', 'its "username" is not a text'),
        ('{"username": "app", "password": 12345}', 'its "password" is not a text'),
        ('{"username": "", "password": "hunter2"}', 'its "username" is empty'),
        (
            json.dumps(RDS | {"username": "u" * (MAX_USERNAME_CHARACTERS + 1)}),
            'its "username" is longer than 128 characters',
        ),
        (
            json.dumps(RDS | {"password": "hunter2\0"}),
            'its "password" has a character that MySQL cannot take',
        ),
        (
            json.dumps(RDS | {"username": "hunter2\ud800"}),
            'its "username" has a character that MySQL cannot take',
        ),
        (json.dumps(RDS | {"engine": ["hunter2"]}), 'its "engine" is not a text'),
        (
            json.dumps(RDS | {"engine": "postgres"}),
            f"its \"engine\" is 'postgres', which is none of {', '.join(sorted(ENGINES))}",
        ),
    ],
)
def test_what_is_no_secret_of_a_user_is_refused_without_its_content(text, sentence):
    """The sentence says what is wrong, and neither it nor what caused it has the content."""
    error = why(text)
    assert error.why == sentence
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "hunter2" not in repr(error)


def test_an_engine_is_shown_in_part():
    """A long text in the place of an engine is cut off, and control characters are escaped."""
    assert "x" * 20 + "\\n" in why(json.dumps(RDS | {"engine": "x" * 20 + "\n" * 80})).why
    assert "x" * 25 not in why(json.dumps(RDS | {"engine": "x" * 80})).why


def test_the_size_is_that_of_secrets_manager():
    """A value of the largest size is read, and one that is a byte larger is not."""
    room = MAX_SECRET_BYTES - len(json.dumps({"username": "app", "password": ""}))
    largest = json.dumps({"username": "app", "password": "x" * room})
    assert parse_secret(largest).password == "x" * room
    assert why(largest + " ").why == "it is larger than 65,536 bytes"
    assert why('"' + "\u20ac" * 30_000 + '"').why == "it is larger than 65,536 bytes"


def test_a_secret_does_not_show_its_password():
    """The repr has the user and the engine, and no password."""
    assert repr(parse_secret(json.dumps(RDS))) == "SecretValue(username='app', engine='mysql')"
