from pathlib import Path

import pytest

from bench.encryption import Certificates, Tls
from bench.peers import Order
from bench.programs import PEERS
from bench.report import OURS
from bench.tools import Program
from proxy.config.load import load_config
from proxy.config.tls import TlsMode
from proxy.embedded import Flavor
from proxy.embedded.certificates import KeyKind


class Elsewhere:
    """What the configurations need to know of a server."""

    flavor, version, host, port = Flavor.MYSQL, "9.7.4", "127.0.0.1", 3306


@pytest.fixture
def order(tmp_path):
    certificates = Certificates.make(tmp_path, KeyKind.EC)
    return lambda tls: Order(Elsewhere(), tmp_path, 3307, 8, 100, certificates, tls)


@pytest.mark.parametrize(
    ("tls", "shown", "mode"),
    [
        (Tls.NOWHERE, 0, TlsMode.DISABLED),
        (Tls.CLIENTS, 1, TlsMode.DISABLED),
        (Tls.EVERYWHERE, 1, TlsMode.REQUIRED),
    ],
)
def test_our_configuration_speaks_tls_where_it_is_wanted(order, tls, shown, mode):
    """In plain works nobody is offered TLS, and the server is spoken to plainly."""
    *_, path = PEERS[OURS].configure(Program(("mysqlproxy",)), order(tls))
    (proxy,) = load_config(path).proxies
    assert len(proxy.tls.certificates) == shown
    assert proxy.target_group.tls.mode is mode


@pytest.mark.parametrize("router", ["Router ending TLS", "Router sharing"])
@pytest.mark.parametrize(
    ("tls", "mode"), [(Tls.CLIENTS, "DISABLED"), (Tls.EVERYWHERE, "PREFERRED")]
)
def test_the_router_ends_tls_with_the_same_certificate(order, router, tls, mode):
    """Only what is behind it changes, whether it shares connections or not."""
    assert tls in PEERS[router].where
    wanted = order(tls)
    *_, path = PEERS[router].configure(Program(("mysqlrouter",)), wanted)
    lines = Path(path).read_text("utf-8").splitlines()
    assert f"client_ssl_cert={wanted.certificates.server.certificate}" in lines
    assert f"server_ssl_mode={mode}" in lines


def test_a_router_that_only_ends_tls_is_not_measured_without():
    """It would be the one that passes on what comes."""
    assert Tls.NOWHERE not in PEERS["Router ending TLS"].where


def test_haproxy_passes_on_the_tls_of_others(order):
    """It is configured alike, whoever speaks TLS."""
    texts = set()
    for tls in Tls:
        *_, path = PEERS["HAProxy"].configure(Program(("haproxy",)), order(tls))
        texts.add(Path(path).read_text("utf-8"))
    assert len(texts) == 1
