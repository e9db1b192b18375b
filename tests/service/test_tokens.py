"""Tests of `proxy.service.tokens`."""

import attrs
import pytest
from twisted.internet.defer import succeed

from proxy.config.auth import IamAuth
from proxy.config.aws import AwsConfig
from proxy.config.model import (
    DefaultAuthScheme,
)
from proxy.service import tokens as module
from proxy.service.assembly import assemble
from proxy.service.tokens import UnusableError
from tests.support.assembling import make_config


def test_tokens_are_checked_where_anybody_may_bring_one(shared, tokens):
    """By keys and policies from files, which are looked at now and then."""
    assembly = assemble(make_config(**tokens), shared)
    assert assembly.proxy.admission.tokens is not None
    assert assembly.proxy.admission.tokens.look in assembly.looks


def test_where_everybody_may_bring_one_the_proxy_makes_its_own(shared, tokens):
    """Users whom no source knows are served so."""
    settings = {**tokens, "auth": ()}
    config = make_config(default_auth_scheme=DefaultAuthScheme.IAM_AUTH, **settings)
    proxy = assemble(config, shared).proxy
    assert proxy.admission.tokens is not None
    assert proxy.credentials.find("root").result.iam_auth is IamAuth.REQUIRED
    assert proxy.pool.accounts.tokens is not None
    with pytest.raises(UnusableError, match="a unix socket takes no IAM tokens"):
        assemble(
            make_config(
                address="unix:/run/mysqld.sock",
                default_auth_scheme=DefaultAuthScheme.IAM_AUTH,
                **settings,
            ),
            shared,
        )


def test_the_region_of_tokens_may_be_that_of_aws(shared, tokens, monkeypatch):
    """Or of the environment; somebody has to say it."""
    unset = {**tokens, "iam": attrs.evolve(tokens["iam"], region=None)}
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    assert assemble(make_config(aws=AwsConfig(region="eu-west-1"), **unset), shared)
    with pytest.raises(UnusableError, match=r"^proxy shop: no region.*set iam\.region"):
        assemble(make_config(**unset), shared)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert assemble(make_config(**unset), shared)


def test_a_token_that_was_refused_leads_to_a_new_session(shared, tokens, monkeypatch):
    """Credentials of the proxy that were changed are read again."""
    sessions = []
    monkeypatch.setattr(module, "make_session", sessions.append)
    monkeypatch.setattr(module, "token_signer", lambda *_: lambda user: f"token-{user}")
    monkeypatch.setattr(shared.threads, "run", lambda work: succeed(work()))
    config = make_config(
        default_auth_scheme=DefaultAuthScheme.IAM_AUTH, **{**tokens, "auth": ()}
    )
    maker = assemble(config, shared).proxy.pool.accounts.tokens
    for user in ("app", "batch"):
        assert maker.token(user).result == f"token-{user}"
    assert len(sessions) == 1
    for _ in range(2):
        maker.forget("app")
        assert maker.token("app").result == "token-app"
    assert len(sessions) == 2
