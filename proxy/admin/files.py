"""The dashboard's own files: read once, so that no path of a caller reaches the file system."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

import attrs

from proxy.admin.call import CallRefusedError, Written

INDEX: Final = "index.html"

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "woff2": "font/woff2",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
}
"""What is served, by the end of the name; anything else in the folder is not."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""The page may load its own files and ask its own server, and nobody may frame it."""

_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # To be asked for again each time, and mostly answered by 304: an upgrade shows at once.
    "Cache-Control": "no-cache",
}

_PLACEHOLDER: Final = (
    b"<!doctype html><html lang=en><title>mysqlproxy</title>"
    b"<p>This build of mysqlproxy has no dashboard; its API is described in "
    b'<a href="/openapi.json">/openapi.json</a>.\n'
)


@attrs.frozen
class _File:
    body: bytes = attrs.field(repr=False)
    media_type: str
    tag: str


class Files:
    """What stands in a folder, by the names of its files; those in a folder of it by `a/b`."""

    def __init__(self, folder: Traversable | None = None) -> None:
        """Read them all.

        Args:
            folder: The dashboard's, when nothing else is said.
        """
        if folder is None:
            folder = resources.files("proxy.admin").joinpath("dashboard")
        self._files = {name: _file(name, body) for name, body in _read(folder)}
        self._files.setdefault(INDEX, _file(INDEX, _PLACEHOLDER))

    @property
    def names(self) -> tuple[str, ...]:
        """All that is served."""
        return tuple(sorted(self._files))

    def answer(self, name: str, known_tag: str) -> Written:
        """One file, or that the caller has it already.

        Raises:
            CallRefusedError: there is none of this name.
        """
        file = self._files.get(name)
        if file is None:
            raise CallRefusedError(HTTPStatus.NOT_FOUND, "there is no such file")
        headers: Mapping[str, str] = {**_HEADERS, "ETag": file.tag}
        if known_tag == "*" or file.tag in (one.strip() for one in known_tag.split(",")):
            return Written(HTTPStatus.NOT_MODIFIED, b"", file.media_type, headers)
        return Written(HTTPStatus.OK, file.body, file.media_type, headers)


def _read(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            yield from _read(entry, f"{name}/")
        elif _ending(name) in _TYPES:
            yield name, entry.read_bytes()


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _file(name: str, body: bytes) -> _File:
    return _File(body, _TYPES[_ending(name)], f'"{hashlib.sha256(body).hexdigest()[:32]}"')
