"""Tests of `proxy.admin.tokens`."""

from __future__ import annotations

import pytest

from proxy.admin.tokens import Tokens, TokenUnreadableError, digest_of
from proxy.config.admin import AdminToken
from proxy.config.admin_users import AdminRole
from proxy.config.secret import Secret
from proxy.observe.log import get_logger

ONE, OTHER = "0123456789abcdef", "fedcba9876543210"


def tokens(*entries, environment=()):
    return Tokens(entries, get_logger(), dict(environment))


def test_a_token_is_found_by_its_digest(tmp_path):
    """Wherever it stands: in the configuration, in a file or in the environment."""
    file = tmp_path / "token"
    file.write_text(f"{OTHER}\nmore\n")
    file.chmod(0o600)
    found = tokens(
        AdminToken(name="a", role=AdminRole.OPERATOR, token=Secret(ONE)),
        AdminToken(name="b", token_file=str(file)),
        AdminToken(name="c", token_env="TOKEN"),
        environment={"TOKEN": "variable-01234567"},
    )
    known = found.find(digest_of(ONE))
    assert (known.name, known.role) == ("a", AdminRole.OPERATOR)
    assert found.find(digest_of(OTHER)).name == "b"
    assert found.find(digest_of("variable-01234567")).name == "c"
    assert found.find(digest_of("0123456789abcdeg")) is None


def test_nothing_of_a_token_is_shown():
    """Neither by all of them nor by one."""
    found = tokens(AdminToken(name="a", token=Secret(ONE)))
    assert repr(found) == "<Tokens: 1>"
    assert digest_of(ONE).hex() not in repr(found.find(digest_of(ONE)))
    assert ONE not in repr(found.find(digest_of(ONE)))


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"short\n", "16 to 512"), (b"\xff" * 20, "UTF-8"), (b"a" * 2000, "longer"), (None, "No")],
)
def test_a_file_that_has_none_is_an_error(tmp_path, content, why):
    """It says which token and which file, and nothing of what stands there."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TokenUnreadableError, match=f"token 'a': {file} .*{why}") as caught:
        tokens(AdminToken(name="a", token_file=str(file)))
    assert "short" not in str(caught.value)


@pytest.mark.parametrize(("environment", "why"), [({}, "not there"), ({"T": "x"}, "is none")])
def test_a_variable_that_has_none_is_an_error(environment, why):
    """It says which."""
    with pytest.raises(TokenUnreadableError, match=rf"'T' \(token_env\): .*{why}"):
        tokens(AdminToken(name="a", token_env="T"), environment=environment)


def test_a_new_token_in_a_file_is_taken_up(tmp_path):
    """The old one is good until then; one that cannot be used changes nothing."""
    file = tmp_path / "token"
    file.write_text(ONE)
    found = tokens(AdminToken(name="a", token_file=str(file)))
    found.look()
    file.write_text("no")
    found.look()
    assert found.find(digest_of(ONE)) is not None
    file.write_text(OTHER + "\n")
    found.look()
    assert found.find(digest_of(ONE)) is None
    assert found.find(digest_of(OTHER)) is not None


def test_two_tokens_cannot_be_the_same():
    """Else nobody could say whose role it has."""
    with pytest.raises(TokenUnreadableError, match="tokens 'a' and 'b' are the same"):
        tokens(AdminToken(name="a", token=Secret(ONE)), AdminToken(name="b", token=Secret(ONE)))
