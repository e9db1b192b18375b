"""A scripted MySQL server that takes IAM tokens for passwords, over TLS only, as RDS does.

A real server would need AWSAuthenticationPlugin, which is on RDS alone.
"""

from __future__ import annotations

import time

from proxy.config.secret import Secret
from proxy.credentials.iam.hosts import read_hosts
from proxy.credentials.iam.keys import AccessKey
from proxy.credentials.iam.presigned import Refused
from proxy.credentials.iam.signature import Terms, check_token, find_signer, read_token
from proxy.embedded.aws import REGION
from proxy.wire.auth import CLEAR
from proxy.wire.framing import encode
from proxy.wire.greeting import auth_switch, parse_login
from tests.support.loopback import ScriptedServer
from tests.support.scripted import NONCE, error
from tests.support.tls import server_context


class TokenServer(ScriptedServer):
    """Lets users in whose tokens are made for it.

    Attributes:
        logins: Who was let in, and the token.
        refusals: Why somebody was not.
    """

    def __init__(self, files, users, *keys):
        """Listen.

        Args:
            files: Its certificate.
            users: Who may log in.
            keys: Access keys that are good, of `tests.support.tokens`.
        """
        super().__init__(tls=server_context(files))
        self.welcome = self._admit
        self.logins = []
        self.refusals = []
        self._users = users
        self._keys = {
            key.number: AccessKey(
                key.number,
                Secret(key.secret),
                key.principal,
                Secret(key.session_token) if key.session_token else None,
            )
            for key in keys
        }

    def objection(self, text, user):
        """Say why a token is not taken; empty when it is."""
        token = read_token(text)
        if isinstance(token, Refused):
            return token.reason
        terms = Terms(REGION, read_hosts([f"{self.host}:{self.port}"]))
        found = check_token(token, user, terms, time.time()) or find_signer(token, self._keys)
        if isinstance(found, Refused):
            return found.reason
        return "" if user in self._users else "the user is not known"

    def _admit(self, connection):
        """Ask for a token instead of a password, over TLS."""
        connection.greet()
        sequence, packet = read_packet(connection.sock)
        login = connection.side.login = parse_login(packet)
        connection.side.capabilities = login.capabilities
        connection.sock.sendall(encode(auth_switch(CLEAR, NONCE), sequence + 1))
        sequence, proof = read_packet(connection.sock)
        token = proof.removesuffix(b"\x00").decode()
        why = self.objection(token, login.user)
        if why:
            self.refusals.append(why)
            text = f"Access denied for user '{login.user}'@'127.0.0.1' (using password: YES)"
            refusal = error(1045, "28000", text.encode())
            connection.sock.sendall(encode(refusal.encode(), sequence + 1))
            raise ConnectionError
        self.logins.append((login.user, token))
        connection.side.reader.sequence = 0  # of the first command
        connection.sock.sendall(encode(connection.side.ok(), sequence + 1))


def read_packet(sock):
    """Read one packet: sequence number and payload."""
    header = read(sock, 4)
    return header[3], read(sock, int.from_bytes(header[:3], "little"))


def read(sock, size):
    """Read exactly so many bytes."""
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise ConnectionError
        data += piece
    return data
