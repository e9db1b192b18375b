"""Who speaks TLS in a work, and the certificates for it."""

from __future__ import annotations

import enum
import functools
import shutil
import ssl
from pathlib import Path
from typing import Self

import attrs

from proxy.embedded.certificates import Authority, CertificateFiles, KeyKind, Purpose


class Tls(enum.Enum):
    """Where TLS is spoken; the value is for the names of folders."""

    NOWHERE = "plain"
    CLIENTS = "tls"
    """By clients; who ends their TLS speaks plainly to the server."""
    EVERYWHERE = "tls-both"
    """On the way to the server too."""


@attrs.frozen
class Certificates:
    """What everybody shows, the server and whoever ends TLS in front of it alike.

    Attributes:
        server: of the server and of the proxies.
        client_folder: where sysbench has to run, which looks for its files by fixed names.
    """

    server: CertificateFiles
    client_folder: Path

    @classmethod
    def make(cls, folder: Path, key_kind: KeyKind) -> Self:
        """Make an authority, and certificates of it below a folder.

        Args:
            folder: for the files, with keys that only this user can read.
            key_kind: of the server's key, on which the price of a handshake depends.
        """
        authority = Authority.make()
        server = authority.issue(key_kind=key_kind).write(folder / "server")
        clients = folder / "client"
        # MySQL asks for a certificate, and sysbench cannot do without one.
        client = authority.issue(("bench",), purpose=Purpose.CLIENT).write(clients)
        shutil.copy(client.ca, clients / "cacert.pem")
        client.certificate.rename(clients / "client-cert.pem")
        client.key.rename(clients / "client-key.pem")
        return cls(server, clients)


@functools.cache
def client_context() -> ssl.SSLContext:
    """TLS as MySQL's own clients speak it by default: nobody's certificate is checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
