"""Tests of `proxy.config.checks`: as whom monitors log in."""

import attrs
import pytest

from proxy.config.auth import AuthEntry, ClientPasswordAuthType, IamAuth
from proxy.config.failover import FailoverConfig
from proxy.config.secret import Secret
from tests.config.test_checks import (
    APP,
    IAM,
    PATH,
    SHOWN,
    faults_of,
    file_entry,
    for_everybody,
    make_proxy,
    secret_entry,
)

MONITOR = AuthEntry(username="monitor", password=Secret("x"), for_monitor=True)
AS_MONITOR = FailoverConfig(monitor_username="monitor")
OF_NO_USE = "is of no use unless target_group.failover.monitor_username is this user"
NO_CLIENT = "does not go with for_monitor: no client logs in as this user"


@pytest.mark.parametrize(
    "auth",
    [
        (APP, MONITOR),
        (APP, attrs.evolve(MONITOR, for_monitor=False)),
        (APP, file_entry(users_file="a")),
        (APP, file_entry(users_file="a", for_monitor=True)),
        (APP, secret_entry(secret_arn="a")),
        (APP, secret_entry(secret_arn="a", username="monitor", for_monitor=True)),
    ],
)
def test_monitors_log_in_as_a_user_of_the_proxy(auth):
    """Who is named by an entry, or may be in a file or a secret."""
    assert faults_of(make_proxy(auth=auth, failover=AS_MONITOR)) == []


@pytest.mark.parametrize("auth", [(), (APP,)])
def test_monitors_may_be_users_who_log_in_with_tokens(auth):
    """With default_auth_scheme IAM_AUTH the proxy can log in as anybody."""
    assert faults_of(for_everybody(auth=auth, failover=AS_MONITOR)) == []


@pytest.mark.parametrize(
    "auth", [(APP,), (APP, secret_entry(secret_arn="a", username="report"))]
)
def test_monitors_are_not_strangers(auth):
    """A name that nothing can have a password for is a mistake."""
    assert faults_of(make_proxy(auth=auth, failover=AS_MONITOR)) == [
        (
            (*PATH, "target_group", "failover", "monitor_username"),
            "'monitor' is no user of auth",
        )
    ]


@pytest.mark.parametrize(
    ("auth", "failover", "path", "message"),
    [
        ((APP, MONITOR), FailoverConfig(), (1, "for_monitor"), OF_NO_USE),
        (
            (APP, MONITOR),
            FailoverConfig(monitor_username="app"),
            (1, "for_monitor"),
            OF_NO_USE,
        ),
        (
            (APP, file_entry(users_file="a", for_monitor=True)),
            FailoverConfig(),
            (1, "for_monitor"),
            OF_NO_USE,
        ),
        (
            (attrs.evolve(MONITOR, allowed_networks=("::1",)), APP),
            AS_MONITOR,
            (0, "allowed_networks"),
            NO_CLIENT,
        ),
        (
            (
                attrs.evolve(
                    MONITOR,
                    client_password_auth_type=ClientPasswordAuthType.MYSQL_NATIVE_PASSWORD,
                ),
                APP,
            ),
            AS_MONITOR,
            (0, "client_password_auth_type"),
            NO_CLIENT,
        ),
        (
            (MONITOR,),
            AS_MONITOR,
            (),
            "needs at least one user of clients, or default_auth_scheme IAM_AUTH",
        ),
    ],
)
def test_a_user_of_monitors_is_used_by_them_and_by_nobody_else(auth, failover, path, message):
    """What would be for nobody, or for a client all the same, is a mistake."""
    assert faults_of(make_proxy(auth=auth, failover=failover)) == [
        ((*PATH, "auth", *path), message)
    ]


def test_a_user_of_monitors_brings_no_token():
    """Tokens are for clients."""
    tokens = attrs.evolve(MONITOR, iam_auth=IamAuth.ENABLED)
    proxy = make_proxy(auth=(tokens, APP), failover=AS_MONITOR, tls=SHOWN, iam=IAM)
    assert faults_of(proxy) == [((*PATH, "auth", 0, "iam_auth"), NO_CLIENT)]
