"""Putting one configured proxy together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs

from proxy.config.address import TcpAddress
from proxy.config.model import ProxyConfig, Target, TargetGroup
from proxy.config.tls import TlsMode
from proxy.credentials.static import load_static
from proxy.front.admission import Admission
from proxy.front.client import Client
from proxy.front.deadlines import Deadlines
from proxy.front.proxy import ConnectionIds, Proxy
from proxy.net.tls_client import TlsClient
from proxy.net.tls_server import TlsServer
from proxy.observe.metrics import Counters
from proxy.pool.accounts import Accounts
from proxy.pool.connect import Connector
from proxy.pool.dial import Dialer
from proxy.pool.pool import TargetPool
from proxy.wire.auth.steps import RsaKey


@attrs.frozen
class Shared:
    """What all proxies of a process have in common."""

    reactor: Any
    folder: Path
    deadlines: Deadlines
    rsa_key: RsaKey
    ids: ConnectionIds
    clients: dict[int, Client]


def assemble(config: ProxyConfig, shared: Shared) -> Proxy:
    """A proxy that can serve.

    Raises:
        PasswordUnreadableError: a password is not where the configuration says.
        TlsUnusableError: a certificate or key cannot be used.
    """
    group = config.target_group
    (target,) = group.targets
    credentials = load_static(config.auth, shared.folder, os.environ)
    counters = Counters()
    connector = _connector(target, group, shared.reactor)
    pool_config = group.connection_pool_config
    pool = TargetPool(
        shared.reactor,
        Dialer(connector, pool_config.init_query),
        pool_config,
        Accounts(credentials),
        counters,
    )
    return Proxy(
        config,
        pool,
        credentials,
        counters,
        shared.deadlines,
        shared.rsa_key,
        shared.ids,
        shared.clients,
        Admission(config, TlsServer(config.tls) if config.tls.certificates else None),
    )


def _connector(target: Target, group: TargetGroup, reactor: Any) -> Connector:
    place, tls = target.place, None
    if group.tls.mode is not TlsMode.DISABLED:
        host = place.host if isinstance(place, TcpAddress) else "localhost"
        tls = TlsClient(group.tls, target.tls_server_name or host)
    return Connector(
        reactor,
        place,
        group.connection_pool_config.connect_timeout,
        tls,
        announces=target.proxy_protocol,
    )
