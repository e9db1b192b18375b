"""Where the running proxy takes commands, and what has to be shown to it there."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs
import click

from proxy.admin.caller import Access, AdminHost, Called
from proxy.cli.configuration import load
from proxy.config.admin import AdminPort, AdminSocket, AdminToken, parse_admin_listen
from proxy.config.admin_users import AdminRole

TOKEN_VARIABLE = "MYSQLPROXY_ADMIN_TOKEN"  # noqa: S105 - its name, no token


_HOST_AND_PORT: Final = re.compile(r"[\w.-]*:[0-9]{1,5}|\[[0-9a-fA-F:.]+\]:[0-9]{1,5}")


class NotReachedError(click.ClickException):
    """The proxy was not asked at all."""

    exit_code = 3


@attrs.frozen(kw_only=True)
class Wanted:
    """What the command line says of the way to the proxy.

    Attributes:
        where: As it was given; None for what the configuration says.
        config: The configuration file.
        token_file: Holds a token in its first line; None for none.
        ca: The authority of the proxy's certificate; None is those of the system.
        certificate: To show to the proxy, with its key; None for none.
        key: Of that certificate, where it is in another file.
    """

    where: str | None
    config: Path
    token_file: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@attrs.frozen
class Found:
    """The way to the proxy.

    Attributes:
        place: Where it listens.
        access: What it wants to see.
    """

    place: Called
    access: Access


def find(wanted: Wanted) -> Found:
    """Find the proxy.

    Raises:
        click.BadParameter: what was given makes no sense.
        NotReachedError: nothing says where it is.
    """
    if wanted.where is None:
        return _configured(wanted)
    place, encrypted = _parsed(wanted.where)
    tls = _tls(wanted, wanted.ca) if encrypted else None
    return Found(place, Access(_token(wanted), tls))


def _parsed(where: str) -> tuple[Called, bool]:
    """The place that was given, and whether TLS is spoken there."""
    if "://" in where:
        return _from_url(where)
    if not where.startswith(("unix:", "tcp:")):
        if _HOST_AND_PORT.fullmatch(where) and not Path(where).exists():
            raise _unfit(f"it is no path; a port is reached by http://{where}, or by https://")
        return AdminSocket(where), False
    try:
        place = parse_admin_listen(where)
    except ValueError as error:
        raise _unfit(str(error)) from None
    if isinstance(place, AdminPort) and not place.is_loopback:
        raise _unfit("other machines are reached by https://HOST:PORT")
    return place, False


def _from_url(url: str) -> tuple[Called, bool]:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if parts.scheme not in {"http", "https"} or not host or parts.path not in {"", "/"}:
        raise _unfit("a URL is https://HOST:PORT, or http://127.0.0.1:PORT")
    encrypted = parts.scheme == "https"
    if not encrypted and not _is_loopback(host):
        raise _unfit("to other machines a token travels by https:// only")
    return AdminHost(host, port or (443 if encrypted else 80)), encrypted


def _unfit(why: str) -> click.BadParameter:
    return click.BadParameter(why, param_hint="--socket")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _configured(wanted: Wanted) -> Found:
    """As the configuration file has it: a unix socket before a port."""
    hint = "say with --socket or MYSQLPROXY_ADMIN where the proxy listens for commands"
    try:
        admin = load(wanted.config).admin
    except click.ClickException as error:
        raise NotReachedError(f"{error.message}\n({hint})") from error
    sockets = [place for place in admin.places if isinstance(place, AdminSocket)]
    place = next(iter([*sockets, *admin.places]), None)
    if place is None:
        raise NotReachedError(
            f"{wanted.config} has no admin.listen, so the proxy takes no commands; set it to "
            f"unix:/run/mysqlproxy/admin.sock, or {hint}"
        )
    if isinstance(place, AdminSocket):
        return Found(place, Access())
    tls = None
    if admin.has_tls:
        assert admin.tls.certificate is not None
        tls = _tls(wanted, wanted.ca or Path(admin.tls.certificate), by_name=False)
    return Found(_nearest(place), Access(_token(wanted) or _own_token(admin.tokens), tls))


def _nearest(place: AdminPort) -> AdminPort:
    """The address by which this machine reaches what listens on all of them."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(place.host, place.host)  # noqa: S104 - not bound
    return AdminPort(place.port, host)


def _token(wanted: Wanted) -> str:
    """The token that was given; empty where none was."""
    if wanted.token_file is None:
        return os.environ.get(TOKEN_VARIABLE, "").strip()
    try:
        return _first_line(wanted.token_file)
    except (OSError, UnicodeDecodeError, IndexError):
        raise click.BadParameter(
            f"{wanted.token_file} cannot be read, or is empty", param_hint="--token-file"
        ) from None


def _own_token(tokens: Sequence[AdminToken]) -> str:
    """One of the proxy's own that this user may read, of an operator if there is one."""
    for one in sorted(tokens, key=lambda token: token.role is not AdminRole.OPERATOR):
        if one.token is not None:
            return one.token.reveal()
        with contextlib.suppress(OSError, UnicodeDecodeError, IndexError):
            if one.token_file is not None:
                return _first_line(Path(one.token_file))
        if one.token_env is not None and (text := os.environ.get(one.token_env)):
            return text
    return ""


def _first_line(path: Path) -> str:
    return path.read_text().splitlines()[0].strip()


def _tls(wanted: Wanted, ca: Path | None, *, by_name: bool = True) -> ssl.SSLContext:
    """How to speak TLS with the proxy.

    Args:
        wanted: May have a certificate to show.
        ca: Who signed the proxy's certificate, or that itself; None for those of the system.
        by_name: Whether the certificate has to be for the host; the proxy's own is known
            without that.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
        # The certificate itself will do, whoever signed it.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.check_hostname = by_name
        if wanted.certificate is not None:
            context.load_cert_chain(wanted.certificate, wanted.key)
    except (OSError, ssl.SSLError) as error:
        raise click.UsageError(f"a file for TLS cannot be used: {error}") from None
    return context
