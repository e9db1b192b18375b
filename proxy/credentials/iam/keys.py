"""The access keys that the proxy knows, from a file in YAML or JSON.

access_keys:
  - access_key_id: AKIAIOSFODNN7EXAMPLE
    secret_access_key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
    principal: arn:aws:iam::123456789012:user/alice
    session_token: only for temporary keys
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import attrs

from proxy.config.document import Document, UnreadableError, read_document
from proxy.config.problem import format_path
from proxy.config.secret import Secret
from proxy.credentials.iam.arn import abbreviated, is_principal
from proxy.net.files import FileUnreadableError, read_limited

MAX_FILE_BYTES = 8 * 1024 * 1024
"""Of a file of access keys: an entry has some 300 bytes, with a session token 2 KiB, so that
thousands fit, and a file of another kind, named by mistake, is not taken into memory whole."""

_REQUIRED = ("access_key_id", "secret_access_key", "principal")
_OPTIONAL = ("session_token",)
_ID = re.compile(r"\w{1,128}", re.ASCII)


class AccessKeysUnusableError(Exception):
    """A file of access keys that cannot be used; says where and why, and no key."""


@attrs.frozen
class AccessKey:
    """An access key, and whose it is.

    Attributes:
        principal: ARN of the user, the role or the session.
        session_token: Of a temporary key.
    """

    access_key_id: str = attrs.field(repr=abbreviated)
    secret_access_key: Secret = attrs.field(repr=False)
    principal: str
    session_token: Secret | None = attrs.field(default=None, repr=False)


def load_access_keys(path: Path) -> dict[str, AccessKey]:
    """Read a file of access keys; they are found by their id.

    Raises:
        AccessKeysUnusableError: it cannot be read, or says something else.
    """
    try:
        return read_access_keys(read_limited(path, MAX_FILE_BYTES).decode())
    except FileUnreadableError as error:
        raise AccessKeysUnusableError(str(error)) from None
    except UnicodeDecodeError:
        # The error would quote the bytes that it is about.
        raise AccessKeysUnusableError(f"{path}: not UTF-8") from None
    except AccessKeysUnusableError as error:
        raise AccessKeysUnusableError(f"{path}: {error}") from None


def read_access_keys(text: str) -> dict[str, AccessKey]:
    """Read access keys from a text; they are found by their id.

    Raises:
        AccessKeysUnusableError: it says something else.
    """
    try:
        document = read_document(text)
    except UnreadableError as error:
        raise AccessKeysUnusableError(f"line {error.line}: {error.message}") from None
    if document.faults:
        path, line, sentence = document.faults[0]
        raise AccessKeysUnusableError(f"line {line}: {format_path(path)} {sentence}")
    value = document.value
    if not isinstance(value, dict) or list(value) != ["access_keys"]:
        raise AccessKeysUnusableError("not a mapping with the one key access_keys")
    entries = value["access_keys"]
    if not isinstance(entries, list):
        raise AccessKeysUnusableError("access_keys is no list")
    keys: dict[str, AccessKey] = {}
    for position, entry in enumerate(entries):
        place = _place(document, position)
        key = _access_key(entry, place)
        if key.access_key_id in keys:
            first = list(keys).index(key.access_key_id)
            raise AccessKeysUnusableError(
                f"{place}: its access_key_id stands in access_keys[{first}] already"
            )
        keys[key.access_key_id] = key
    return keys


def _place(document: Document, position: int) -> str:
    line = document.line_of(("access_keys", position))
    return f"access_keys[{position}] (line {line})"


def _access_key(entry: object, place: str) -> AccessKey:
    if not isinstance(entry, dict):
        raise AccessKeysUnusableError(f"{place} is no mapping")
    for name in _REQUIRED:
        if name not in entry:
            raise AccessKeysUnusableError(f"{place} has no {name}")
    if entry.keys() - {*_REQUIRED, *_OPTIONAL}:
        # Not which: a secret without the space after its colon is a key as a whole.
        known = ", ".join((*_REQUIRED, *_OPTIONAL))
        raise AccessKeysUnusableError(f"{place} has a key that is none of {known}")
    texts = _texts(entry, place)
    if not _ID.fullmatch(texts["access_key_id"]):
        raise AccessKeysUnusableError(
            f"{place}: the access_key_id is no letters and digits, 128 at most"
        )
    if not is_principal(texts["principal"]):
        raise AccessKeysUnusableError(
            f"{place}: the principal is no ARN of a user, a role or a session of a role, "
            "such as arn:aws:iam::123456789012:user/alice"
        )
    session_token = texts.get("session_token")
    return AccessKey(
        texts["access_key_id"],
        Secret(texts["secret_access_key"]),
        texts["principal"],
        None if session_token is None else Secret(session_token),
    )


def _texts(entry: Mapping[str, object], place: str) -> dict[str, str]:
    texts = {}
    for name, value in entry.items():
        if value is None and name in _OPTIONAL:
            continue
        if not isinstance(value, str) or not value:
            raise AccessKeysUnusableError(f"{place}: its {name} is no text (put it in quotes)")
        texts[name] = value
    return texts
