"""IAM policy documents, read to the last word.

The grammar is that of the IAM User Guide, "Grammar of the IAM JSON policy language".  What
cannot be obeyed here, such as a condition, is an error: a policy that means less than it says
would let people in whom its author keeps out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from proxy.credentials.iam.policy import (
    Effect,
    Glob,
    Policies,
    ResourcePattern,
    Statement,
)
from proxy.net.files import FileUnreadableError, read_limited

MAX_FILE_BYTES = 1024 * 1024
"""Of a policy: AWS lets one have 10 KiB, and a file of another kind, named by mistake, is not
taken into memory whole."""

_VERSIONS = ("2012-10-17", "2008-10-17")
_KEYS_OF_DOCUMENT = frozenset({"Version", "Id", "Statement"})
_KEYS_OF_STATEMENT = frozenset({"Sid", "Effect", "Action", "Resource", "Principal"})
_REQUIRED = ("Effect", "Action", "Resource")
# Not even the name of a key is quoted when it looks like something else.
_KEY = re.compile(r"\w{1,32}", re.ASCII)
_SID = re.compile(r"[\w .-]{0,128}", re.ASCII)
_ACTION = re.compile(r"\*|[\w*?-]+:[\w*?-]+", re.ASCII)
_RESOURCE = re.compile(r"\*|arn:[^:]*(?::[^:]*){3}:.+", re.DOTALL)
_ACCOUNT = re.compile(r"[0-9]{12}")
_ACCOUNT_ROOT = re.compile(r"(arn:[^:]+):iam::([0-9*?]+):root")
_PRINCIPAL = re.compile(
    r"arn:[\w*?-]+:(?:iam|sts|[*?]+)::(?:[0-9*?]+):(?P<name>[^\s:]+)", re.ASCII
)


class PolicyUnusableError(ValueError):
    """A policy that is none, or that says what is not obeyed here; says where and what."""


def load_policies(paths: Iterable[Path]) -> Policies:
    """Read files of policies, each of them in JSON; the statements of all of them hold.

    Raises:
        PolicyUnusableError: one cannot be read, is no policy, or one that cannot be obeyed.
    """
    statements: list[Statement] = []
    for path in paths:
        try:
            text = read_limited(path, MAX_FILE_BYTES).decode("utf-8-sig")
        except FileUnreadableError as error:
            raise PolicyUnusableError(str(error)) from None
        except UnicodeDecodeError:
            _refuse(str(path), "not UTF-8")
        statements += read_policy_text(text, str(path)).statements
    return Policies(statements)


def read_policy_text(text: str, where: str) -> Policies:
    """Read a policy in JSON.

    Args:
        text: The document.
        where: What it is called in errors and in reasons, such as the name of its file.

    Raises:
        PolicyUnusableError: it is no policy, or one that cannot be obeyed.
    """
    try:
        document = json.loads(text, object_pairs_hook=_without_repetition)
    except PolicyUnusableError as error:
        raise PolicyUnusableError(f"{where}: {error}") from None
    except RecursionError:
        raise PolicyUnusableError(f"{where}: nested too deeply") from None
    except ValueError as error:
        raise PolicyUnusableError(f"{where}: not JSON: {error}") from None
    return read_policy(document, where)


def read_policy(document: object, where: str) -> Policies:
    """Read a policy that has been parsed already; see `read_policy_text`.

    Raises:
        PolicyUnusableError: it is no policy, or one that cannot be obeyed.
    """
    if not isinstance(document, dict):
        _refuse(where, "no mapping with a Statement")
    _check_keys(document, _KEYS_OF_DOCUMENT, where)
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        _refuse(f"{where}.Version", f"none of {', '.join(_VERSIONS)}")
    if "Statement" not in document:
        _refuse(where, "has no Statement")
    found = document["Statement"]
    entries = found if isinstance(found, list) else [found]
    if not entries:
        _refuse(f"{where}.Statement", "empty")
    statements: list[Statement] = []
    for position, entry in enumerate(entries):
        statement = _statement(entry, where, f"Statement[{position}]")
        if any(statement.name == other.name for other in statements):
            _refuse(f"{where}.Statement[{position}].Sid", "stands here again")
        statements.append(statement)
    return Policies(statements)


def _refuse(place: str, what: str) -> NoReturn:
    raise PolicyUnusableError(f"{place}: {what}")


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise PolicyUnusableError(f"the key {_shown(twice)} stands twice in one mapping")
    return mapping


def _shown(key: object) -> str:
    return repr(key) if isinstance(key, str) and _KEY.fullmatch(key) else "of an unknown kind"


def _check_keys(mapping: dict[object, object], known: frozenset[str], place: str) -> None:
    for key in mapping:
        if key not in known:
            _refuse(place, f"the key {_shown(key)} is not understood here")


def _statement(entry: object, where: str, position: str) -> Statement:
    place = f"{where}.{position}"
    if not isinstance(entry, dict):
        _refuse(place, "no mapping")
    _check_keys(entry, _KEYS_OF_STATEMENT, place)
    for key in _REQUIRED:
        if key not in entry:
            _refuse(place, f"has no {key}")
    sid = entry.get("Sid", "")
    if not isinstance(sid, str) or not _SID.fullmatch(sid):
        _refuse(f"{place}.Sid", "no text of letters and digits, 128 at most")
    try:
        effect = Effect(entry["Effect"])
    except ValueError:
        _refuse(f"{place}.Effect", "neither Allow nor Deny")
    actions = _texts(entry["Action"], f"{place}.Action", _ACTION, "service:action")
    resources = _texts(entry["Resource"], f"{place}.Resource", _RESOURCE, "an ARN or *")
    return Statement(
        f"statement {sid!r} of {where}" if sid else f"{position} of {where}",
        effect,
        tuple(Glob(text.lower()) for text in actions),
        tuple(map(ResourcePattern, resources)),
        _principals(entry["Principal"], f"{place}.Principal") if "Principal" in entry else None,
    )


def _texts(value: object, place: str, form: re.Pattern[str], meant: str) -> list[str]:
    if isinstance(value, list) and not value:
        _refuse(place, "empty")
    texts: list[str] = []
    for position, text in enumerate(value if isinstance(value, list) else [value]):
        at = f"{place}[{position}]" if isinstance(value, list) else place
        if not isinstance(text, str) or not form.fullmatch(text):
            _refuse(at, f"not {meant}")
        if "${" in text:
            _refuse(at, "policy variables (${...}) are not understood here")
        texts.append(text)
    return texts


def _principals(value: object, place: str) -> tuple[Glob, ...] | None:
    if value == "*":
        return None
    if not isinstance(value, dict) or not value:
        _refuse(place, 'neither "*" nor {"AWS": ...}')
    _check_keys(value, frozenset({"AWS"}), place)
    place = f"{place}.AWS"
    texts = _texts(value["AWS"], place, re.compile(r"\S+"), "an ARN")
    return tuple(glob for text in texts for glob in _principal(text, place))


def _principal(text: str, place: str) -> list[Glob]:
    """What a principal of a policy stands for; an account stands for all that are in it."""
    if text == "*":
        return [Glob(text)]
    if _ACCOUNT.fullmatch(text):
        return _whole_account("arn:*", text)
    root = _ACCOUNT_ROOT.fullmatch(text)
    if root is not None:
        return _whole_account(root[1], root[2])
    found = _PRINCIPAL.fullmatch(text)
    if found is None:
        _refuse(place, "no ARN of IAM principals, no account and no *")
    kind, _, name = found["name"].partition("/")
    path, slash, last = name.rpartition("/")
    if "/" in found["name"] and any(wildcard in kind for wildcard in "*?"):
        _refuse(place, "a kind of principal with wildcards before a slash; write it out")
    if kind != "role" or not slash:
        return [Glob(text)]
    if any(wildcard in name for wildcard in "*?"):
        _refuse(
            place,
            "a role with a path and wildcards: sessions of roles do not say their path; "
            "name the role, or take role/* without a path",
        )
    # A session is known by the role's name alone, which is unique in an account.
    without_path = text.removesuffix(f"{path}/{last}") + last
    return [Glob(text), Glob(without_path)]


def _whole_account(prefix: str, account: str) -> list[Glob]:
    return [Glob(f"{prefix}:{service}::{account}:*") for service in ("iam", "sts")]
