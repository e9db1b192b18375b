"""Tests of `proxy.credentials.iam.keys`."""

import json

import pytest

from proxy.config.secret import Secret
from proxy.credentials.iam.keys import (
    MAX_FILE_BYTES,
    AccessKey,
    AccessKeysUnusableError,
    load_access_keys,
    read_access_keys,
)

ALICE = "arn:aws:iam::123456789012:user/alice"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
YAML = f"""\
access_keys:
  - access_key_id: AKIAIOSFODNN7EXAMPLE
    secret_access_key: {SECRET}
    principal: {ALICE}
  - access_key_id: ASIAIOSFODNN7EXAMPLE
    secret_access_key: {SECRET}
    principal: arn:aws:sts::123456789012:assumed-role/shop/web-1
    session_token: FwoGZXIvYXdz
"""


def entry(without=None, **changes):
    """Write a file whose second entry is another one."""
    good = {
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": SECRET,
        "principal": ALICE,
    }
    second = good | {"access_key_id": "AKIAI44QH8DHBEXAMPLE"} | changes
    second.pop(without, None)
    return json.dumps({"access_keys": [good, second]}, indent=1)


def test_keys_are_found_by_their_id():
    """Each has its secret and its principal, and some a session token."""
    keys = read_access_keys(YAML)
    assert keys == {
        "AKIAIOSFODNN7EXAMPLE": AccessKey("AKIAIOSFODNN7EXAMPLE", Secret(SECRET), ALICE),
        "ASIAIOSFODNN7EXAMPLE": AccessKey(
            "ASIAIOSFODNN7EXAMPLE",
            Secret(SECRET),
            "arn:aws:sts::123456789012:assumed-role/shop/web-1",
            Secret("FwoGZXIvYXdz"),
        ),
    }


def test_a_file_may_be_json():
    """JSON is read by the same reader, and null is no session token."""
    keys = read_access_keys(entry(session_token=None))
    assert list(keys) == ["AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"]
    assert keys["AKIAI44QH8DHBEXAMPLE"].session_token is None


def test_a_list_may_be_empty():
    """Then nobody's token is good."""
    assert read_access_keys("access_keys: []") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a mapping with the one key access_keys"),
        ("access_keys: []\nother: 1", "not a mapping with the one key"),
        ("access_keys: x", "access_keys is no list"),
        ("access_keys: [x]", r"access_keys\[0\] \(line 1\) is no mapping"),
        ("access_keys: [", "line 1: not YAML"),
        ("access_keys: []\naccess_keys: []", "line 2: access_keys stands here again"),
        (entry("principal"), r"access_keys\[1\] \(line 8\) has no principal"),
        (entry("secret_access_key"), r"access_keys\[1\].* has no secret_access_key"),
        (entry(extra="x"), r"access_keys\[1\].* has a key that is none of access_key_id, "),
        (entry(secret_access_key=123), r"access_keys\[1\].*: its secret_access_key is no text"),
        (entry(secret_access_key=""), "its secret_access_key is no text"),
        (entry(access_key_id="A B"), r"access_keys\[1\].*: the access_key_id is no letters"),
        (entry(principal="alice"), r"access_keys\[1\].*: the principal is no ARN"),
        (
            entry(access_key_id="AKIAIOSFODNN7EXAMPLE"),
            r"access_keys\[1\].*: its access_key_id stands in access_keys\[0\] already",
        ),
    ],
)
def test_an_error_says_where_and_shows_no_key(text, message):
    """The position in the list and the line are named, and nothing is quoted."""
    with pytest.raises(AccessKeysUnusableError, match=message) as caught:
        read_access_keys(text)
    assert SECRET not in str(caught.value)
    assert "AKIAIOSFODNN7EXAMPLE" not in str(caught.value)


def test_a_secret_that_is_a_key_by_mistake_is_not_shown():
    """Without the space after its colon, a line of YAML is a key as a whole."""
    text = f"access_keys:\n  - {{access_key_id: A, principal: {ALICE!r}, 'x:{SECRET}': 1}}"
    for name in ("secret_access_key: y, ", ""):
        with pytest.raises(AccessKeysUnusableError) as caught:
            read_access_keys(text.replace("{access", "{" + name + "access"))
        assert SECRET not in str(caught.value)


def test_a_key_shows_only_whose_it_is():
    """The repr has the principal, and the id by its ends."""
    key = read_access_keys(YAML)["ASIAIOSFODNN7EXAMPLE"]
    assert "assumed-role/shop/web-1" in repr(key)
    assert "ASIA...MPLE" in repr(key)
    for secret in (SECRET, "ASIAIOSFODNN7EXAMPLE", "FwoGZXIvYXdz"):
        assert secret not in repr(key)


def test_keys_are_read_from_a_file(tmp_path):
    """The file may be YAML."""
    file = tmp_path / "keys.yaml"
    file.write_text(YAML)
    assert load_access_keys(file) == read_access_keys(YAML)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"access_keys: [x]", r"access_keys\[0\]"),
        (b"\xff\xfe" + SECRET.encode(), "not UTF-8"),
        (b" " * (MAX_FILE_BYTES + 1), "is larger than 8,388,608 bytes"),
    ],
)
def test_an_error_names_the_file(tmp_path, content, message):
    """Missing, broken, no text or too long: one class of error."""
    file = tmp_path / "keys.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AccessKeysUnusableError, match=f"keys.yaml: .*{message}") as caught:
        load_access_keys(file)
    assert SECRET not in str(caught.value)
