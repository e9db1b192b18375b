"""Tokens as AWS's own library makes them, with keys that nobody has."""

import contextlib
import socket
import threading

import botocore.session
import pytest

from proxy.config.secret import Secret
from proxy.credentials.iam.keys import AccessKey
from proxy.credentials.iam.token import token_signer

HOST, PORT, REGION = "proxy.example.com", 3306, "eu-central-1"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "FwoGZXIvYXdzEBYaD/Vkc2Vzc2lvbg+/="
ALICE = "arn:aws:iam::123456789012:user/alice"


@pytest.fixture(scope="session")
def lasting_key():
    """An access key that lasts."""
    return AccessKey("AKIAIOSFODNN7EXAMPLE", Secret(SECRET), ALICE)


@pytest.fixture(scope="session")
def temporary_key():
    """An access key with a session token."""
    session = "arn:aws:sts::123456789012:assumed-role/shop/web-1"
    return AccessKey("ASIAIOSFODNN7EXAMPLE", Secret(SECRET), session, Secret(SESSION_TOKEN))


@pytest.fixture(scope="session")
def session_of():
    """Make a session of botocore from an access key."""

    def make(key):
        token = key.session_token.reveal() if key.session_token else None
        session = botocore.session.Session()
        session.set_credentials(key.access_key_id, key.secret_access_key.reveal(), token)
        session.set_config_variable("region", REGION)
        return session

    return make


@pytest.fixture(scope="session")
def bare_session():
    """A session of botocore with nothing in it."""
    return botocore.session.Session()


@pytest.fixture(scope="session")
def sign(session_of):
    """Make a token for a database login; for each place, the client is made once."""
    signers = {}

    def make(key, user="app", host=HOST, port=PORT, region=REGION):
        place = (key.access_key_id, host, port, region)
        if place not in signers:
            signers[place] = token_signer(session_of(key), host, port, region)
        return signers[place](user)

    return make


class Stand:
    """A server that answers each request with the same bytes, and keeps what it was asked."""

    def __init__(self, listener):
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.answer = b""
        self.requests = []

    def respond(self, status, body, *headers):
        """Answer from now on with this."""
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
        self.answer = "\r\n".join(lines).encode() + body

    def serve(self):
        """Serve one connection after the other, until the listener is closed."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                self.requests.append(request.decode())
                # A client that has read enough closes.
                with contextlib.suppress(OSError):
                    connection.sendall(self.answer)


@pytest.fixture
def stand(monkeypatch):
    """A stand-in of STS on the loopback interface, to which no other proxy is asked to lead."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Stand(listener)
        thread = threading.Thread(target=server.serve)
        thread.start()
        yield server
        # A thread that accepts does not hear of a mere close.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
