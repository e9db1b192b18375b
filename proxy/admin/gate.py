"""Who calls, and what that one may do."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Final

import attrs

from proxy.admin.call import Call, CallRefusedError
from proxy.admin.routes import Route
from proxy.admin.throttle import Throttle
from proxy.admin.tokens import Tokens, digest_of
from proxy.config.admin import AdminConfig
from proxy.config.admin_users import AdminRole
from proxy.net.clock import Clock

_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="mysqlproxy"'}
_BEARER: Final = "bearer"


@attrs.frozen
class Caller:
    """Who calls.

    Attributes:
        name: For the log.
        role: What that one may do.
    """

    name: str
    role: AdminRole

    @property
    def may_act(self) -> bool:
        """Whether that one may change something."""
        return self.role is AdminRole.OPERATOR


class Gate:
    """Lets in whoever may.

    A unix socket is guarded by its mode.  By TCP a token or a certificate is shown, where the
    configuration has tokens or an authority for certificates; else everybody on this machine
    may act.
    """

    def __init__(self, config: AdminConfig, tokens: Tokens, clock: Clock) -> None:
        self._asks_who = config.asks_who
        self._tokens = tokens
        self._clock = clock
        self._throttle = Throttle()

    def identify(self, call: Call, route: Route) -> Caller:
        """Who calls.

        Raises:
            CallRefusedError: nobody who may call this.
        """
        if call.local or (call.nearby and not self._asks_who):
            return Caller(call.by, AdminRole.OPERATOR)
        if route.is_open:  # also by a token that is good no more: it asks whether we live
            return Caller(call.by, AdminRole.VIEWER)
        if call.authorization:
            caller = self._by_token(call)
        elif call.certificate:
            caller = Caller(f"certificate {call.certificate}", AdminRole.OPERATOR)
        else:
            raise CallRefusedError(
                HTTPStatus.UNAUTHORIZED,
                "a token is needed, in the header Authorization: Bearer ...",
                _CHALLENGE,
            )
        if route.role is AdminRole.OPERATOR and not caller.may_act:
            raise CallRefusedError(
                HTTPStatus.FORBIDDEN,
                f"{caller.name} may look only: to act needs the role OPERATOR",
            )
        return caller

    def _by_token(self, call: Call) -> Caller:
        scheme, _, token = call.authorization.partition(" ")
        digest, now = digest_of(token.strip()), self._clock.seconds()
        wait = self._throttle.wait(call.address, digest, now)
        if wait:
            raise CallRefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many wrong tokens came from this address; try again later",
                {"Retry-After": str(math.ceil(wait))},
            )
        known = self._tokens.find(digest) if scheme.lower() == _BEARER else None
        if known is None:
            self._throttle.failed(call.address, now)
            raise CallRefusedError(
                HTTPStatus.UNAUTHORIZED, "this is no token that is known here", _CHALLENGE
            )
        self._throttle.succeeded(call.address, digest)
        return Caller(f"token {known.name}", known.role)
