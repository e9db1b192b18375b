"""Reading the configuration again, and putting it in force while clients are served."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, DeferredLock
from twisted.python.failure import Failure

from proxy.admin.site import AdminListenError
from proxy.admin.tokens import TokenUnreadableError
from proxy.config.diff import When, compare
from proxy.config.load import load_config_text, read_config
from proxy.config.model import Config
from proxy.net.certificates import TlsUnusableError
from proxy.observe.log import get_logger
from proxy.policy.standing import OperationRefusedError, ReloadReport
from proxy.service.change import Change, begin_change
from proxy.service.fresh import read_anew
from proxy.service.ports import Exchange, PortName, PortsError, Wanted
from proxy.service.tokens import UnusableError

if TYPE_CHECKING:
    from proxy.service.started import Started

TOO_EARLY = "this process does not listen yet: try again when it does"
"""Nobody knows of its ports until then: a reload, or a new process, would open them once more,
and this one would find them taken."""


class Reloader:
    """Puts the configuration file in force anew, all of it or nothing.

    One at a time: a second one waits, and a third one is refused, as the one that waits will
    see the same file.

    Attributes:
        on_begin: Called when one begins.
        on_end: Called when it has ended, in one way or the other.
    """

    def __init__(self, process: Started) -> None:
        self._process = process
        self._first = process.config
        self._lock = DeferredLock()
        self.on_begin: Callable[[], None] = _tell_nobody
        self.on_end: Callable[[], None] = _tell_nobody
        self._log = get_logger()

    def __repr__(self) -> str:
        """Whether it is at it."""
        return f"<Reloader {'at work' if self.is_under_way else 'idle'}>"

    @property
    def is_under_way(self) -> bool:
        """Whether it is at it."""
        return bool(self._lock.locked)

    # Being asked

    def obey(self, leave: Callable[[], None]) -> None:
        """Do it on SIGHUP from here on.

        Args:
            leave: Called instead when it means that the terminal is gone that it was started
                from.
        """
        if threading.current_thread() is threading.main_thread():
            at_terminal = sys.stderr.isatty()

            def signalled(_number: int, _frame: object) -> None:
                hung_up = at_terminal and not sys.stderr.isatty()
                call = leave if hung_up else self._reload_for_signal
                self._process.reactor.callFromThread(call)

            signal.signal(signal.SIGHUP, signalled)

    def _reload_for_signal(self) -> None:
        Deferred.fromCoroutine(self.reload()).addErrback(self._refused)

    def _refused(self, failure: Failure) -> None:
        if failure.check(OperationRefusedError) is None:  # those are in the log already
            self._log.error("a mistake in a reload", exception=failure.getTraceback())

    async def reload(self) -> ReloadReport:
        """Do it.

        Raises:
            OperationRefusedError: nothing was changed; says all reasons, a line for each.
        """
        if self._lock.waiting:
            raise OperationRefusedError("a reload is under way, and another one waits already")
        await self._lock.acquire()
        try:
            report = await self._reload(self._demand_running())
        except OperationRefusedError as error:
            self._log.error("the configuration was not changed", why=error.why.splitlines())
            self._count("refused")
            raise
        finally:
            self._lock.release()
        self._count("succeeded")
        if report.changed or report.needs_restart:
            self._log.info(
                "the configuration was changed",
                changed=list(report.changed),
                needs_restart=list(report.needs_restart) or None,
            )
        else:
            self._log.info("the configuration is the same as before")
        return report

    def _count(self, result: str) -> None:
        self._process.collector.process.configuration_reloads[result] += 1

    def _demand_running(self) -> Path:
        """The file, where this process serves and goes on to."""
        process = self._process
        if process.config_path is None:
            raise OperationRefusedError("there is no file to read it from")
        if process.hand_over.is_done:
            raise OperationRefusedError("another process has taken over")
        if process.hand_over.is_under_way:
            raise OperationRefusedError("a new process is being started, which reads it")
        if process.hand_over.waits:
            raise OperationRefusedError("this process has not taken over yet")
        if not process.running:
            raise OperationRefusedError("the proxy is being stopped")
        if not process.listening.called:
            raise OperationRefusedError(TOO_EARLY)
        return process.config_path

    # Doing it

    async def _reload(self, path: Path) -> ReloadReport:
        self.on_begin()
        try:
            return await self._carry_out(path)
        finally:
            self.on_end()

    async def _carry_out(self, path: Path) -> ReloadReport:
        process = self._process
        texts = []

        def read() -> Config:
            texts.append(read_config(path))
            return load_config_text(texts[0], path)

        change = await begin_change(process, process.admins, read, process.assemble)
        text = texts[0]  # for whoever else goes by it, whatever is in the file by then
        try:
            report = self._report(change)
            self._demand_running()  # that may have taken its time
            exchange = await self._prepare(change, text) if report.changed else None
        except BaseException:
            change.abandon()
            raise
        if exchange is not None:
            await self._put_in_force(change, text, exchange)
        return report

    def _report(self, change: Change) -> ReloadReport:
        process, fresh = self._process, change.fresh
        changes = compare(process.config, fresh.config)
        later = compare(self._first, fresh.config)
        anew = read_anew(process.config, fresh, change.before, process.admins)
        return ReloadReport(
            changed=(*(one.path for one in changes if one.when is When.LIVE), *anew),
            needs_restart=tuple(one.path for one in later if one.when is When.RESTART),
        )

    async def _prepare(self, change: Change, text: str) -> Exchange:
        """All that may fail, and where it does nothing has changed.

        Raises:
            OperationRefusedError: it did.
        """
        process, admin = self._process, change.fresh.config.admin
        try:
            change.examine()
            exchange = await process.ports.prepare(self._wanted(change))
        except (UnusableError, PortsError) as error:
            raise OperationRefusedError(str(error)) from error
        try:
            if admin != process.config.admin:
                await process.admin.reconfigure(admin)
        except (AdminListenError, TlsUnusableError, TokenUnreadableError) as error:
            await process.ports.give_up(exchange)
            raise OperationRefusedError(str(error)) from error
        try:
            await process.prepare_others(text)
            # An operator may have given an order meanwhile, or have stopped the process.
            self._demand_running()
            change.examine()
        except (UnusableError, OperationRefusedError) as error:
            process.let_others_be()
            await process.ports.give_up(exchange)
            if process.running:
                await process.admin.reconfigure(process.config.admin)
            raise OperationRefusedError(str(error)) from error
        return exchange

    async def _put_in_force(self, change: Change, text: str, exchange: Exchange) -> None:
        """Nothing of this fails, and nobody is served in between."""
        process = self._process
        process.have_others_change(text)
        change.put_in_force()
        process.configured = datetime.now(UTC)
        process.ports.carry_out(exchange)
        for port in exchange.fresh:
            process.tell_of(port)
        for port in exchange.leaving:
            proxy, endpoint = port.name
            self._log.info(
                "an endpoint listens no more",
                proxy=proxy,
                endpoint=endpoint,
                address=port.address,
            )
        await process.ports.finish(exchange)

    def _wanted(self, change: Change) -> list[Wanted]:
        fresh, before = change.fresh, change.before
        return [
            Wanted(
                PortName(config.name, endpoint.name),
                endpoint.listen,
                self._process.clients_of(
                    fresh.assembly(config.name, before).proxy, endpoint.name
                ),
            )
            for config in fresh.config.proxies
            for endpoint in config.endpoints
        ]


def _tell_nobody() -> None:
    """Where nobody wants to know."""
