"""The console: statements of admin users, as users of ProxySQL and pgbouncer know them."""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import CancelledError

from proxy.admin import console_startup
from proxy.admin.console_orders import ORDERS, Order, carry_out, order_of
from proxy.admin.console_shows import SAME, VIEWS, no_view, show, view_of
from proxy.admin.console_tables import chosen, text_columns
from proxy.admin.console_words import Words, like, not_understood, read, shown
from proxy.admin.desk import Desk
from proxy.config.admin_users import AdminRole
from proxy.credentials.admins import Admins
from proxy.errors import (
    ErrorReply,
    Fault,
    StatementRefusedError,
    access_denied,
    internal_error,
)
from proxy.front.console import Answer, Asker, Done, Table

_SHADES: Final = ("FULL", "GLOBAL", "SESSION", "LOCAL", "EXTENDED")
"""Words between SHOW and a name that change nothing here."""

_ROLE_OF_ORDERS: Final = AdminRole.OPERATOR


class AdminConsole:
    """See `proxy.front.console.Console`; one serves the clients of all proxies.

    Attributes:
        admins: See `Console`.
    """

    def __init__(self, desk: Desk, admins: Admins) -> None:
        self._desk = desk
        self.admins = admins

    def __repr__(self) -> str:
        """For whom it is."""
        return f"<AdminConsole for {self.admins!r}>"

    @property
    def uptime(self) -> float:
        """See `Console`."""
        return self._desk.process.uptime

    async def answer(self, asker: Asker, text: bytes) -> Answer:
        """See `Console`."""
        role = self.admins.role(asker.user)
        if role is None:  # a reload has taken the user away
            denied = access_denied(asker.user, asker.address, using_password=True)
            raise StatementRefusedError(denied)
        try:
            return await self._answer(asker, role, read(text))
        except (CancelledError, StatementRefusedError):
            raise
        except Exception:  # who asked goes on, whatever it is
            self._desk.log.exception("the console made a mistake", by=asker.user)
            raise StatementRefusedError(internal_error()) from None

    async def _answer(self, asker: Asker, role: AdminRole, words: Words) -> Answer:
        order = order_of(words)
        if order is None:
            return await self._look(asker, words)
        if role is not _ROLE_OF_ORDERS:
            raise StatementRefusedError(_not_allowed(order))
        return await carry_out(order, self._desk, asker, words)

    async def _look(self, asker: Asker, words: Words) -> Answer:
        if words.accept("SHOW"):
            return await self._show(asker, words)
        if words.accept("SELECT"):
            return console_startup.select(words, asker)
        if words.accept("SET"):
            return console_startup.set_something(words)
        if words.accept("USE"):
            return console_startup.use(words)
        if words.accept("HELP"):
            return _help(words)
        if words.accept_one(console_startup.QUIET):
            return Done()
        orders = ", ".join(" ".join(begin) for begin in ORDERS)
        raise not_understood(
            f"no statement begins with {shown(words.next)}, but SHOW, SELECT, USE, {orders}"
        )

    async def _show(self, asker: Asker, words: Words) -> Table:
        while words.accept_one(_SHADES):
            pass
        if words.accept("HELP"):
            return _help(words)
        view = view_of(words)
        if view is not None:
            return await show(self._desk, view, words)
        found = console_startup.shown_of_server(words, asker)
        if found is None:
            raise no_view(words)
        return found


def _help(words: Words) -> Table:
    """All statements, who may send them, and what they do."""
    pattern = like(words.text("what follows LIKE")) if words.accept("LIKE") else None
    words.expect_end()
    others = {main: f" | {' '.join(other)}" for other, main in SAME.items()}
    rows = [
        (f"SHOW {' '.join(name)}{others.get(name, '')}", AdminRole.VIEWER.value, view.says)
        for name, view in VIEWS.items()
    ]
    rows.append(("SHOW HELP", AdminRole.VIEWER.value, "this"))
    rows += [(order.form, _ROLE_OF_ORDERS.value, order.says) for order in ORDERS.values()]
    return Table(
        text_columns("statement", "role", "what it shows or does"), chosen(rows, pattern)
    )


def _not_allowed(order: Order) -> ErrorReply:
    """A user who may only look tells the proxy to do something (as the server has it)."""
    text = (
        "Access denied; you need (at least one of) the OPERATOR privilege(s) for this "
        f"operation: {order.form}"
    )
    return ErrorReply(1227, "42000", text, Fault.CLIENT)
