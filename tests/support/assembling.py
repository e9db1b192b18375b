"""Configurations of one proxy, to be put together."""

from proxy.config.auth import AuthEntry, AuthScheme
from proxy.config.model import (
    EndpointConfig,
    ProxyConfig,
    Target,
    TargetGroup,
)
from proxy.config.secret import Secret
from proxy.config.tls import BackendTls

APP = AuthEntry(username="app", password=Secret("secret"))
FILE = AuthEntry(auth_scheme=AuthScheme.FILE, users_file="users.yaml")
SECRET = AuthEntry(auth_scheme=AuthScheme.SECRETS, secret_arn="shop/app")
KEYS = {
    "access_keys": [
        {
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "principal": "arn:aws:iam::123456789012:user/alice",
        }
    ]
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "rds-db:connect", "Resource": "*"},
}


def make_config(auth=(APP,), address="db1", target_tls=None, target=None, **settings):
    """Make the configuration of one proxy."""
    group = TargetGroup(
        targets=(Target(address=address, **(target or {})),), tls=target_tls or BackendTls()
    )
    endpoints = (EndpointConfig(name="main", listen="tcp:0"),)
    return ProxyConfig(
        name="shop", auth=auth, target_group=group, endpoints=endpoints, **settings
    )
