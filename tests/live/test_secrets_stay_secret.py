"""Nothing that the proxy shows of itself has a secret in it, whatever went right or wrong.

Two proxies go through logins of every kind and through all sorts of trouble, one of them with
passwords (`tests.support.quiet`), the other with tokens alone (`tests.support.quiet_tokens`).
All that they could show is searched: each line of their logs, their metrics, and what each of
their objects says of itself (`tests.support.walking`).
"""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from proxy.embedded.aws import start_aws
from proxy.embedded.certificates import Authority
from tests.support.cloud import secrets_of
from tests.support.quiet import (
    BROKEN,
    RENEWED,
    STATIC,
    WRONG_KEY,
    Stage,
    Story,
    body,
    locked,
    replace,
)
from tests.support.quiet_tokens import TokenStage
from tests.support.walking import UNABLE

pytestmark = pytest.mark.live

CHECK_SECONDS = 60


@pytest.fixture(scope="module")
def story(mysql_server, tmp_path_factory) -> Story:
    """All that was seen of a proxy that went through everything."""
    folder = tmp_path_factory.mktemp("secrets")
    with start_aws() as aws, secrets_of(aws) as stored:
        return played(Stage(folder, mysql_server, aws, stored))


@pytest.fixture(scope="module")
def token_story(tmp_path_factory) -> Story:
    """All that was seen of a proxy that has tokens and no passwords."""
    return played(TokenStage(tmp_path_factory.mktemp("tokens")))


def played(stage) -> Story:
    """Let a proxy go through everything."""
    try:
        stage.run()
    except AssertionError as error:
        if "the proxy made mistakes" not in str(error):
            raise
    stage.story.seen["log"] = stage.proxy.log_path.read_text()
    return stage.story


def test_the_log_has_no_secret(story):
    """No line has one, down to the level debug, with reasons and tracebacks."""
    log = story.seen["log"]
    for words in ('"level": "debug"', "wrong password", "Traceback", "AWS cannot be reached"):
        assert words in log
    assert all(message in log for message in BROKEN)
    assert story.found_in(log) == []


MOMENTS = pytest.mark.parametrize("moment", ["objects during a login", "objects at the end"])


@MOMENTS
def test_every_object_can_show_itself(story, moment):
    """No `repr` and no `str` fails, in whatever state the object is."""
    lines = story.seen[moment].splitlines()
    assert [line for line in lines if line.startswith(UNABLE)] == []


@MOMENTS
def test_no_object_and_no_metric_shows_a_secret(story, moment):
    """Neither `repr` nor `str`, nor a field that is not hidden, nor a series has one."""
    seen = story.seen[moment]
    for words in ("Credential", "TokenVerifier", "CachedSecret", "UsersFile", "<Proxy 'live'"):
        assert words in seen
    assert (
        'mysqlproxy_client_connections_setup_failed_auth_total{endpoint="main",proxy="live"}'
        in seen
    )
    assert story.found_in(seen) == []


def test_a_proxy_of_tokens_shows_none(token_story):
    """Neither its own nor those of clients, nor the key of its certificate for the database."""
    log = token_story.seen["log"]
    for words in (
        "STS refuses the token",
        "STS cannot be asked",
        "a database connection could not be opened",
        RENEWED,
    ):
        assert words in log
    seen = token_story.seen["objects in a transaction"]
    for words in ("<TokenMaker: 1 tokens>", "TokenVerifier by STS", "BackendTlsStreams"):
        assert words in seen
    assert [line for line in seen.splitlines() if line.startswith(UNABLE)] == []
    assert len([name for name in token_story.secrets if name.startswith("token ")]) > 6
    assert {name: token_story.found_in(text) for name, text in token_story.seen.items()} == {
        name: [] for name in token_story.seen
    }


def test_a_wrong_password_of_a_key_is_not_told(tmp_path):
    """check-config says which file is wrong, and nothing of what is in it."""
    issued = Authority.make().issue()
    files = issued.write(tmp_path)
    replace(files.key, locked(issued.key_pem))
    password = tmp_path / "key-password"
    replace(password, WRONG_KEY)
    shown = {
        "certificate": str(files.certificate),
        "private_key": str(files.key),
        "private_key_password_file": str(password),
    }
    proxy = {
        "name": "live",
        "auth": [{"username": "app", "password": STATIC}],
        "tls": {"certificates": [shown]},
        "target_group": {"targets": [{"address": "127.0.0.1:3306"}]},
        "endpoints": [{"name": "main", "listen": "tcp:3307"}],
    }
    path = tmp_path / "mysqlproxy.yaml"
    path.write_text(yaml.safe_dump({"proxies": [proxy]}))
    ran = subprocess.run(
        [sys.executable, "-m", "proxy", "check-config", str(path)],
        capture_output=True,
        check=False,
        text=True,
        timeout=CHECK_SECONDS,
    )
    assert ran.returncode != 0
    assert f"{files.key}: no private key: Incorrect password" in ran.stderr
    for secret in (WRONG_KEY, STATIC, body(issued.key_pem)):
        assert secret not in ran.stdout + ran.stderr
