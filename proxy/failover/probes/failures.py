"""What went wrong with a look: errors of connecting, of logging in and of asking.

Codes: MySQL manual, "Server Error Message Reference"; MariaDB knowledge base, "MariaDB Error
Code Reference".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from twisted.internet import defer, error

from proxy.errors import BackendLostError, BackendRefusedError
from proxy.policy.observation import Failure

NO_RIGHT: Final = frozenset(
    {
        1044,  # ER_DBACCESS_DENIED_ERROR
        1142,  # ER_TABLEACCESS_DENIED_ERROR
        1143,  # ER_COLUMNACCESS_DENIED_ERROR
        1227,  # ER_SPECIFIC_ACCESS_DENIED_ERROR
    }
)
"""A user who is logged in may not ask this."""

ABSENT: Final = frozenset(
    {
        1049,  # ER_BAD_DB_ERROR
        1109,  # ER_UNKNOWN_TABLE: of information_schema
        1146,  # ER_NO_SUCH_TABLE
        1193,  # ER_UNKNOWN_SYSTEM_VARIABLE
    }
)
"""The server has nothing of this name."""

_CODES: Final[Mapping[Failure, frozenset[int]]] = {
    Failure.FULL: frozenset(
        {
            1040,  # ER_CON_COUNT_ERROR
            1041,  # ER_OUT_OF_RESOURCES
            1135,  # ER_CANT_CREATE_THREAD
            1203,  # ER_TOO_MANY_USER_CONNECTIONS
            1226,  # ER_USER_LIMIT_REACHED
        }
    ),
    Failure.STOPPING: frozenset(
        {
            1053,  # ER_SERVER_SHUTDOWN
            1077,  # ER_NORMAL_SHUTDOWN
            1079,  # ER_SHUTDOWN_COMPLETE
            3032,  # ER_SERVER_OFFLINE_MODE: it throws out all who are no administrators
        }
    ),
    Failure.DENIED: NO_RIGHT
    | {
        1045,  # ER_ACCESS_DENIED_ERROR
        1129,  # ER_HOST_IS_BLOCKED
        1130,  # ER_HOST_NOT_PRIVILEGED
        1251,  # ER_NOT_SUPPORTED_AUTH_MODE
        1524,  # ER_PLUGIN_IS_NOT_LOADED
        1698,  # ER_ACCESS_DENIED_NO_PASSWORD_ERROR
        1820,  # ER_MUST_CHANGE_PASSWORD
        1862,  # ER_MUST_CHANGE_PASSWORD_LOGIN
        3118,  # ER_ACCOUNT_HAS_BEEN_LOCKED
        3159,  # ER_SECURE_TRANSPORT_REQUIRED
        3955,  # ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK
        4151,  # ER_ACCOUNT_HAS_BEEN_LOCKED of MariaDB
    },
    Failure.LOST: frozenset(
        {
            1317,  # ER_QUERY_INTERRUPTED
            1927,  # ER_CONNECTION_KILLED of MariaDB
            2006,  # CR_SERVER_GONE_ERROR
            2013,  # CR_SERVER_LOST
            3169,  # ER_SESSION_WAS_KILLED
            4031,  # ER_CLIENT_INTERACTION_TIMEOUT
        }
    ),
}
_BY_CODE: Final = {code: failure for failure, codes in _CODES.items() for code in codes}

_TIMEOUTS = (TimeoutError, error.TimeoutError, defer.TimeoutError, defer.CancelledError)
_LAST_WORDS = re.compile(r"the server says ([0-9]+) \(")
"""How a connection ends whose server says why, without being asked."""

_NO_ANSWER = "no answer from "
"""How the deadline of a login ends it."""


class OddAnswerError(BackendLostError):
    """A server answers a statement of ours with rows that make no sense."""


def failure_of(reason: BaseException) -> tuple[Failure, str]:
    """Why a look failed, and the same in the words of the server or the system.

    Args:
        reason: What connecting, logging in or looking raised, or a deadline of the caller's.
    """
    why = str(reason) or type(reason).__name__
    if isinstance(reason, _TIMEOUTS):
        return Failure.SILENT, "it did not answer in time"
    if isinstance(reason, BackendRefusedError):
        return _BY_CODE.get(reason.reply.code, Failure.ODD), why
    if isinstance(reason, OddAnswerError):
        return Failure.ODD, why
    if isinstance(reason, BackendLostError):
        return _loss(reason, why), why
    if isinstance(reason, error.ConnectError | OSError):
        return Failure.REFUSED, why
    return Failure.ODD, f"{type(reason).__name__}: {why}"


def _loss(reason: BackendLostError, why: str) -> Failure:
    """Which kind of loss it is: only its cause or its text tells."""
    if isinstance(reason.__cause__, _TIMEOUTS) or why.startswith(_NO_ANSWER):
        return Failure.SILENT
    if isinstance(reason.__cause__, error.ConnectError | OSError):
        return Failure.REFUSED
    said = _LAST_WORDS.match(why)
    return _BY_CODE.get(int(said[1]), Failure.LOST) if said else Failure.LOST
