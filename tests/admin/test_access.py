"""Tests of `proxy.admin.access`: the admin API over TLS, on real sockets."""

from __future__ import annotations

import http.client
import json
import ssl

import pytest

from proxy.admin.access import Access
from proxy.admin.tokens import TokenUnreadableError
from proxy.config.admin import AdminConfig, AdminTls, AdminToken
from proxy.config.admin_users import AdminRole
from proxy.config.secret import Secret
from proxy.embedded.certificates import Authority, Purpose
from proxy.net.certificates import TlsUnusableError
from proxy.observe.log import get_logger
from tests.admin.operating import LIMIT_SECONDS, FakeOperations, FakeProcess, serving
from tests.support.ports import free_port

pytestmark = pytest.mark.loopback

VIEWER, OPERATOR = "viewer-0123456789", "operator-0123456789"
TOKENS = (
    AdminToken(name="ci", token=Secret(VIEWER)),
    AdminToken(name="ops", role=AdminRole.OPERATOR, token=Secret(OPERATOR)),
)


@pytest.fixture(scope="module")
def authority():
    return Authority.make()


@pytest.fixture
def files(authority, tmp_path):
    """What the proxy shows, and who may sign for its callers."""
    return authority.issue().write(tmp_path)


@pytest.fixture
def client_files(authority, tmp_path):
    folder = tmp_path / "client"
    folder.mkdir()
    issued = authority.issue((), purpose=Purpose.CLIENT, common_name="Jo from operations")
    return issued.write(folder)


def settings(files, *, mutual=False):
    return AdminTls(
        certificate=str(files.certificate),
        private_key=str(files.key),
        client_ca=str(files.ca) if mutual else None,
    )


class Calling:
    """Calls an API by TLS."""

    def __init__(self, files, port):
        self.port = port
        self.context = ssl.create_default_context(cafile=files.ca)

    def ask(self, method, path, host="localhost", **headers):
        """The status and the content of an answer."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=LIMIT_SECONDS, context=self.context
        )
        try:
            connection.request(method, path, headers={"Host": host, **headers})
            response = connection.getresponse()
            self.headers = response.headers
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def with_token(self, method, path, token):
        return self.ask(method, path, Authorization=f"Bearer {token}")


@pytest.fixture
def calling(files):
    """Begin an API with these settings; the calls to it."""
    served = []

    def begin(process=None, **config):
        manager = serving(process=process or FakeProcess(FakeOperations()), **config)
        one = manager.__enter__()
        served.append(manager)
        port = free_port()
        one.call(one.site.listen, f"tcp:{port}:interface=0.0.0.0")
        calls = Calling(files, port)
        calls.served = one
        return calls

    yield begin
    for manager in served:
        manager.__exit__(None, None, None)


def test_a_token_is_shown_over_tls(calling, files):
    """Its role decides; the dashboard hears which it has."""
    calls = calling(tokens=TOKENS, tls=settings(files))
    assert calls.ask("GET", "/v1/overview")[0] == 401
    assert calls.headers["WWW-Authenticate"].startswith("Bearer")
    assert calls.with_token("GET", "/v1/overview", VIEWER)[1]["may_act"] is False
    assert calls.with_token("GET", "/v1/overview", OPERATOR)[1]["may_act"] is True
    assert calls.with_token("POST", "/v1/proxies/shop/pause", VIEWER)[0] == 403
    assert calls.with_token("POST", "/v1/proxies/shop/pause", OPERATOR)[0] == 200
    assert calls.ask("GET", "/health")[0] == calls.ask("GET", "/ready")[0] == 200


def test_wrong_tokens_are_throttled(calling, files):
    """By address: the answer says how long to wait."""
    calls = calling(tokens=TOKENS, tls=settings(files))
    statuses = [calls.with_token("GET", "/v1/log", f"wrong-{n}")[0] for n in range(8)]
    assert statuses == [401] * 6 + [429] * 2
    assert int(calls.headers["Retry-After"]) >= 1


def test_a_certificate_opens_it_too(calling, files, client_files):
    """One that the authority has signed; the log has its name."""
    process = FakeProcess(FakeOperations())
    calls = calling(process, tls=settings(files, mutual=True))
    assert calls.ask("GET", "/v1/log")[0] == 401
    assert calls.ask("GET", "/health")[0] == 200
    calls.context.load_cert_chain(client_files.certificate, client_files.key)
    assert calls.ask("POST", "/v1/restart")[0] == 200
    assert process.done == ["restart"]


def test_a_strangers_certificate_opens_nothing(calling, files, tmp_path):
    """The handshake ends there."""
    calls = calling(tls=settings(files, mutual=True))
    folder = tmp_path / "stranger"
    folder.mkdir()
    stranger = Authority.make("a stranger").issue((), purpose=Purpose.CLIENT, common_name="x")
    found = stranger.write(folder)
    calls.context.load_cert_chain(found.certificate, found.key)
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        calls.ask("GET", "/v1/log")


def test_only_known_names_are_answered(calling, files):
    """An address is one, and so is what the configuration has; browsers may use these."""
    calls = calling(tls=settings(files), allowed_hosts=("Proxy.example",))
    assert calls.ask("GET", "/v1/log", host="proxy.example:1")[0] == 200
    assert calls.ask("GET", "/v1/log", host="10.0.0.1")[0] == 200
    assert calls.ask("GET", "/v1/log", host="evil.example")[0] == 403
    assert calls.ask("GET", "/nothing", host="evil.example")[0] == 403
    assert calls.ask("GET", "/ready", host="evil.example")[0] == 200
    own = {"host": "proxy.example", "Origin": "https://proxy.example"}
    assert calls.ask("POST", "/v1/proxies/shop/pause", **own)[0] == 200
    own["Origin"] = "http://proxy.example"
    assert calls.ask("POST", "/v1/proxies/shop/pause", **own)[0] == 403


def test_plain_http_gets_no_answer(calling, files):
    """Where TLS is spoken nothing else is."""
    calls = calling(tls=settings(files))
    connection = http.client.HTTPConnection("127.0.0.1", calls.port, timeout=LIMIT_SECONDS)
    connection.request("GET", "/health")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse()
    connection.close()


def test_renewed_files_are_taken_up(calling, files):
    """The next connection sees the new certificate."""
    calls = calling(tls=settings(files))
    assert calls.ask("GET", "/health")[0] == 200
    other = Authority.make("another one").issue()
    other.write(files.certificate.parent)
    calls.served.call(calls.served.site.look)
    calls.context = ssl.create_default_context(cafile=files.ca)
    assert calls.ask("GET", "/health")[0] == 200


def test_other_settings_are_taken_up(calling, files):
    """Old tokens are good no more; what cannot be used changes nothing."""
    calls = calling(tokens=TOKENS, tls=settings(files))
    site = calls.served.site
    broken = AdminConfig(tokens=(AdminToken(name="x", token_env="NOT_THERE"),))
    with pytest.raises(TokenUnreadableError):
        calls.served.call(site.change, broken)
    assert calls.with_token("GET", "/v1/log", VIEWER)[0] == 200
    calls.served.call(site.change, AdminConfig(tokens=TOKENS[1:], tls=settings(files)))
    assert calls.with_token("GET", "/v1/log", VIEWER)[0] == 401
    assert calls.with_token("GET", "/v1/log", OPERATOR)[0] == 200


def test_files_that_are_not_there_are_an_error(tmp_path):
    """Which one, and why."""
    tls = AdminTls(certificate=str(tmp_path / "none"), private_key=str(tmp_path / "none"))
    with pytest.raises(TlsUnusableError, match="none: cannot be read"):
        Access(AdminConfig(tls=tls), get_logger())


def test_nothing_secret_is_shown():
    """By what it says of itself."""
    access = Access(AdminConfig(tokens=TOKENS), get_logger())
    assert repr(access) == "<Access by <Tokens: 2> and None>"
