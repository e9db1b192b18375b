"""Reading the configuration again, and putting it in force while clients are served."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import attrs
from twisted.internet.defer import Deferred, DeferredLock
from twisted.python.failure import Failure

from proxy.admin.site import AdminListenError
from proxy.admin.tokens import TokenUnreadableError
from proxy.config.diff import When, compare
from proxy.config.model import Config
from proxy.config.problem import ConfigError
from proxy.credentials.aws_errors import AwsUnavailableError
from proxy.credentials.aws_threads import AwsThreads
from proxy.credentials.static import PasswordUnreadableError
from proxy.front.listener import ClientFactory
from proxy.net.certificates import TlsUnusableError
from proxy.observe.log import get_logger, level
from proxy.policy.standing import OperationRefusedError, ReloadReport
from proxy.service.assembly import Assembly, Shared
from proxy.service.fresh import Fresh, begin_sources, make, read_anew, wait_for_secrets
from proxy.service.logged import apply_log
from proxy.service.ports import Exchange, PortName, PortsError, Wanted
from proxy.service.renewal import examine, renew
from proxy.service.tokens import UnusableError

if TYPE_CHECKING:
    from proxy.service.worker import Worker

T = TypeVar("T")


class Reloader:
    """Puts the configuration file in force anew, all of it or nothing.

    One at a time: a second one waits, and a third one is refused, as the one that waits will
    see the same file.

    Attributes:
        on_begin: Called when one begins.
        on_end: Called when it has ended, in one way or the other.
    """

    def __init__(self, worker: Worker, shared: Shared) -> None:
        self._worker = worker
        self._shared = shared
        self._first = worker.config
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
                self._shared.reactor.callFromThread(call)

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
        self._worker.collector.process.configuration_reloads[result] += 1

    def _demand_running(self) -> Path:
        """The file, where this process serves and goes on to."""
        worker = self._worker
        if worker.config_path is None:
            raise OperationRefusedError("there is no file to read it from")
        if worker.hand_over.is_done:
            raise OperationRefusedError("another process has taken over")
        if worker.hand_over.is_under_way:
            raise OperationRefusedError("a new process is being started, which reads it")
        if worker.hand_over.waits:
            raise OperationRefusedError("this process has not taken over yet")
        if not worker.running:
            raise OperationRefusedError("the proxy is being stopped")
        return worker.config_path

    # Doing it

    async def _reload(self, path: Path) -> ReloadReport:
        self.on_begin()
        try:
            return await self._carry_out(path)
        finally:
            self.on_end()

    async def _carry_out(self, path: Path) -> ReloadReport:
        before = {one.proxy.config.name: one for one in self._worker.assemblies}
        fresh = await self._in_thread(partial(make, path, before, self._shared))
        report = self._report(fresh, before)
        begun = begin_sources(fresh, before)
        try:
            await wait_for_secrets(begun)
            self._demand_running()  # that may have taken its time
            exchange = await self._prepare(fresh, before) if report.changed else None
        except BaseException:
            for source in begun:
                source.stop()
            raise
        if exchange is not None:
            await self._put_in_force(fresh, before, exchange)
        return report

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Call what reads files: one that is far away may hang, and clients are served."""
        threads = AwsThreads(self._shared.reactor)
        threads.start()
        try:
            return await threads.run(work)
        except (ConfigError, PasswordUnreadableError, UnusableError) as error:
            raise OperationRefusedError(str(error)) from error
        except AwsUnavailableError as error:
            raise OperationRefusedError("reading its files takes too long") from error
        finally:
            threads.stop()

    def _report(self, fresh: Fresh, before: Mapping[str, Assembly]) -> ReloadReport:
        changes = compare(self._worker.config, fresh.config)
        later = compare(self._first, fresh.config)
        worker = self._worker
        anew = read_anew(worker.config, fresh, before, worker.admins)
        return ReloadReport(
            changed=(*(one.path for one in changes if one.when is When.LIVE), *anew),
            needs_restart=tuple(one.path for one in later if one.when is When.RESTART),
        )

    async def _prepare(self, fresh: Fresh, before: Mapping[str, Assembly]) -> Exchange:
        """All that may fail, and where it does nothing has changed.

        Raises:
            OperationRefusedError: it did.
        """
        worker, admin = self._worker, fresh.config.admin
        try:
            _examine(fresh, before)
            exchange = await worker.ports.prepare(_wanted(fresh, before))
        except (UnusableError, PortsError) as error:
            raise OperationRefusedError(str(error)) from error
        try:
            if admin != worker.config.admin:
                await worker.admin.reconfigure(admin)
        except (AdminListenError, TlsUnusableError, TokenUnreadableError) as error:
            await worker.ports.give_up(exchange)
            raise OperationRefusedError(str(error)) from error
        try:
            # An operator may have given an order meanwhile, or have stopped the process.
            self._demand_running()
            _examine(fresh, before)
        except (UnusableError, OperationRefusedError) as error:
            await worker.ports.give_up(exchange)
            if worker.running:
                await worker.admin.reconfigure(worker.config.admin)
            raise OperationRefusedError(str(error)) from error
        return exchange

    async def _put_in_force(
        self, fresh: Fresh, before: Mapping[str, Assembly], exchange: Exchange
    ) -> None:
        """Nothing of this fails, and nobody is served in between."""
        worker, config = self._worker, fresh.config
        worker.admins.replace(fresh.admins)
        for name, materials in fresh.materials.items():
            renew(before[name], materials)
        old, worker.config, worker.configured = worker.config, config, datetime.now(UTC)
        served = [fresh.assembly(one.name, before) for one in config.proxies]
        worker.take(served, [*fresh.added.values()])
        _change_log(old, config, worker)
        worker.ports.carry_out(exchange)
        for port in exchange.fresh:
            worker.tell_of(port)
        for port in exchange.leaving:
            proxy, endpoint = port.name
            self._log.info(
                "an endpoint listens no more",
                proxy=proxy,
                endpoint=endpoint,
                address=port.address,
            )
        await worker.ports.finish(exchange)


def _tell_nobody() -> None:
    """Where nobody wants to know."""


def _examine(fresh: Fresh, before: Mapping[str, Assembly]) -> None:
    for name, materials in fresh.materials.items():
        examine(before[name], materials)


def _wanted(fresh: Fresh, before: Mapping[str, Assembly]) -> list[Wanted]:
    return [
        Wanted(
            PortName(config.name, endpoint.name),
            endpoint.listen,
            ClientFactory(fresh.assembly(config.name, before).proxy, endpoint.name),
        )
        for config in fresh.config.proxies
        for endpoint in config.endpoints
    ]


def _change_log(old: Config, new: Config, worker: Worker) -> None:
    """A level that was set while the proxy runs stays, unless the file has another one now."""
    settings = new.log
    if old.log.level == settings.level:
        settings = attrs.evolve(settings, level=level())
    apply_log(settings, worker.proxies)
