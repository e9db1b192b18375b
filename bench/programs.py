"""How each peer is found and configured."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench import tools
from bench.encryption import Tls
from bench.peers import Order, Peer
from bench.report import OURS, OURS_AS_PYTHON
from bench.site import PASSWORD, SCHEMA, USER

_OURS = """\
proxies:
  - name: bench
    auth: [{{username: {user}, password: {password}, client_password_auth_type: null}}]
    max_clients: {clients}
    tls: {{certificates: [{shown}]}}
    target_group:
      targets: [{{address: "{host}:{server_port}"}}]
      tls: {{mode: {mode}}}
      connection_pool_config:
        max_connections: {backends}
    endpoints: [{{name: bench, listen: "tcp:{port}:interface=127.0.0.1"}}]
workers: 1
log: {{level: warning}}
drain_timeout: 1
"""

_HAPROXY = """\
global
  nbthread 1
  maxconn {clients}
defaults
  mode tcp
  maxconn {clients}
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen bench
  bind 127.0.0.1:{port}
  server primary {host}:{server_port}
"""

_ROUTER = """\
[DEFAULT]
logging_folder={folder}
runtime_folder={folder}
data_folder={folder}
config_folder={folder}
max_total_connections={clients}
{plugins}
[logger]
level=WARNING
[routing:bench]
bind_address=127.0.0.1
bind_port={port}
destinations={host}:{server_port}
routing_strategy=first-available
protocol=classic
max_connect_errors=4294967295
"""

_ROUTER_PASSES = (
    _ROUTER
    + """\
client_ssl_mode=PASSTHROUGH
server_ssl_mode=AS_CLIENT
"""
)

_ROUTER_ENDS_TLS = (
    _ROUTER
    + """\
client_ssl_mode=REQUIRED
client_ssl_cert={certificate}
client_ssl_key={key}
server_ssl_mode={mode}
"""
)

# Sharing needs the client's password, which the router asks for only where it could serve TLS,
# whether a client uses it or not; delay 0 gives a connection back as soon as it may be.  The
# number is that of idle ones it keeps: it has no limit on all.
_ROUTER_SHARES = (
    _ROUTER
    + """\
client_ssl_mode=PREFERRED
client_ssl_cert={certificate}
client_ssl_key={key}
server_ssl_mode={mode}
connection_sharing=1
connection_sharing_delay=0
[connection_pool]
max_idle_server_connections=64
"""
)

_PROXYSQL = """\
datadir="{folder}"
admin_variables=
{{
  admin_credentials="bench:{password}"
  mysql_ifaces="{folder}/admin.sock"
}}
mysql_variables=
{{
  threads=1
  max_connections={clients}
  interfaces="127.0.0.1:{port}"
  monitor_enabled=false
  free_connections_pct=100
  have_ssl=false
  server_version="{version}"
  connect_timeout_server_max=10000
}}
mysql_servers=
(
  {{ address="{host}", port={server_port}, hostgroup=0, max_connections={backends} }}
)
mysql_users=
(
  {{ username="{user}", password="{password}", default_hostgroup=0,
     default_schema="{schema}", max_connections={clients} }}
)
"""


def _write(name: str, text: str, order: Order, **more: str) -> str:
    """Write a configuration into the peer's folder; returns its path."""
    path = order.folder / name
    server = order.server
    filled = text.format(
        user=USER,
        password=PASSWORD,
        schema=SCHEMA,
        clients=order.clients,
        host=server.host,
        server_port=server.port,
        version=server.version,
        folder=order.folder,
        certificate=order.certificates.server.certificate,
        key=order.certificates.server.key,
        port=order.port,
        backends=order.backends,
        **more,
    )
    path.write_text(filled, "utf-8")
    path.chmod(0o600)
    return str(path)


def _ours(program: tools.Program, order: Order) -> tuple[str, ...]:
    files = order.certificates.server
    # Without a certificate clients are not offered TLS, which would cost those in plain works.
    shown = f'{{certificate: "{files.certificate}", private_key: "{files.key}"}}'
    path = _write(
        "mysqlproxy.yaml",
        _OURS,
        order,
        shown="" if order.tls is Tls.NOWHERE else shown,
        mode="required" if order.tls is Tls.EVERYWHERE else "disabled",
    )
    return (*program.command, "run", "--config", path)


def _haproxy(program: tools.Program, order: Order) -> tuple[str, ...]:
    # Clients of MySQL begin TLS within its protocol, which HAProxy does not know: it can only
    # pass theirs on to the server.
    # -db: in the foreground.
    return (*program.command, "-db", "-f", _write("haproxy.cfg", _HAPROXY, order))


def _router(text: str, program: tools.Program, order: Order) -> tuple[str, ...]:
    plugins = ""
    if program.root is not None:
        plugins = f"plugin_folder={program.root / 'usr/lib/mysqlrouter/plugin'}"
    mode = "PREFERRED" if order.tls is Tls.EVERYWHERE else "DISABLED"
    path = _write("router.conf", text, order, plugins=plugins, mode=mode)
    return (*program.command, "-c", path)


def _proxysql(program: tools.Program, order: Order) -> tuple[str, ...]:
    path = _write("proxysql.cnf", _PROXYSQL, order)
    return (*program.command, "--foreground", "--initial", "--config", path)


def _find_haproxy() -> tools.Program:
    return tools.packaged("haproxy", "haproxy", "usr/sbin/haproxy")


def _find_router() -> tools.Program:
    return tools.packaged(
        "mysqlrouter",
        "mysql-router",
        "usr/bin/mysqlrouter",
        only_in_sid=True,
        libraries="usr/lib/mysql-router",
    )


def _find_proxysql() -> tools.Program:
    found = tools.installed("proxysql")
    if found is None:
        raise tools.ProgramMissingError(
            "is not on PATH, and Debian has no package of it: its makers have, on proxysql.com"
        )
    return found


PEERS: Final[dict[str, Peer]] = {
    peer.name: peer
    for peer in (
        Peer("HAProxy", False, _find_haproxy, _haproxy, "-v"),
        Peer("Router", False, _find_router, partial(_router, _ROUTER_PASSES)),
        Peer(
            "Router ending TLS",
            False,
            _find_router,
            partial(_router, _ROUTER_ENDS_TLS),
            where=frozenset({Tls.CLIENTS, Tls.EVERYWHERE}),
        ),
        Peer("Router sharing", False, _find_router, partial(_router, _ROUTER_SHARES)),
        Peer("ProxySQL", True, _find_proxysql, _proxysql, where=frozenset({Tls.NOWHERE})),
        Peer(OURS_AS_PYTHON, True, tools.ours_as_python, _ours),
        Peer(OURS, True, tools.ours, _ours),
    )
}
"""All peers in the order of the table."""
