"""What is said while a trial runs: how to try things, or what the show is about."""

from __future__ import annotations

import abc
import contextlib
import functools
import shlex
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from twisted.internet.error import ReactorNotRunning

from proxy.admin.api import DEFAULT_TIMEOUT_SECONDS
from proxy.admin.caller import AdminCaller
from proxy.cli.crowd import SCHEMA, Crowd
from proxy.cli.demo import Show, Stage
from proxy.cli.live_line import LiveLine
from proxy.cli.promoter import PROMOTION_SECONDS, Promoter
from proxy.cli.show_report import Report
from proxy.cli.trial_config import NAME, USER, Trial
from proxy.cli.trial_servers import address_of
from proxy.embedded import ReplicatedServers
from proxy.front.proxy import Proxy
from proxy.service.worker import Worker


class NotPromotedError(Exception):
    """The proxy refused to make a target the writer; says why."""


class Presenter(abc.ABC):
    """Speaks while the proxy runs.

    Attributes:
        status: The exit status by now.
    """

    def __init__(self, trial: Trial, reactor: Any) -> None:
        self._trial = trial
        self._reactor = reactor
        self._live: LiveLine | None = None
        self.status = 0

    def begin(self, worker: Worker) -> None:
        """The proxy listens."""
        trial = self._trial
        first, group = trial.servers.first, trial.servers.group
        where = f"runs on {address_of(first)}"
        if group is not None:
            where += f", with a replica on {address_of(group.replicas[0])}"
        click.echo(
            f"{first.flavor.title} {first.version} {where},\n"
            f"and the proxy in front of {'it' if group is None else 'them'} on "
            f"127.0.0.1:{trial.port}."
        )
        (proxy,) = worker.proxies
        self._live = self.play(proxy)
        self._live.start()

    @abc.abstractmethod
    def play(self, proxy: Proxy) -> LiveLine:
        """Let things happen; gives what tells how the proxy does."""

    def end(self) -> None:
        """The proxy has ended; what goes on beside it ends too."""
        if self._live is not None:
            self._live.stop()

    def teller(self, live: LiveLine) -> functools.partial[None]:
        """Says something above the line; may be called from any thread."""
        return functools.partial(self._reactor.callFromThread, live.say)


class TryPresenter(Presenter):
    """Until Ctrl-C, for whoever wants to try things."""

    def __init__(self, trial: Trial, reactor: Any) -> None:
        super().__init__(trial, reactor)
        self._promoting = contextlib.ExitStack()

    def play(self, proxy: Proxy) -> LiveLine:
        """See `Presenter`: servers that are killed are brought back."""
        click.echo("\n".join(self._how_to()))
        live = LiveLine(proxy, self._reactor)
        group = self._trial.servers.group
        if group is not None:
            promoter = Promoter(group, lambda: proxy.pool.place, self.teller(live))
            self._promoting.enter_context(promoter)
        return live

    def end(self) -> None:
        """See `Presenter`."""
        super().end()
        self._promoting.close()

    def _how_to(self) -> Iterator[str]:
        """Lines that work as they stand."""
        trial = self._trial
        reach = f"-h 127.0.0.1 -P {trial.port} -u {USER} -p{trial.password} {SCHEMA}"
        yield "Connect to it:"
        yield f"  mysql {reach} -e 'SELECT @@version'"
        yield self._python("c.execute('SELECT @@version'); print(c.fetchone())")
        yield "See its targets:"
        yield self._mysqlproxy("targets")
        if trial.servers.group is not None:
            yield from self._how_to_fail_over(trial.servers.group)
        yield f"TLS is there too, by a certificate for this run: {trial.certificate.ca}"
        yield "Ctrl-C ends all."

    def _how_to_fail_over(self, group: ReplicatedServers) -> Iterator[str]:
        yield "Watch in another terminal, over one connection, which server answers:"
        yield self._python(
            "[c.execute('SELECT @@port') and print(*c.fetchone(), flush=True) "
            "or time.sleep(0.2) for _ in iter(int, 1)]"
        )
        yield "Let the replica take the writes, without an error for anybody:"
        yield self._mysqlproxy("promote", address_of(group.replicas[0]))
        yield "Kill the primary (after a promotion it is another process; a line says which):"
        yield f"  kill -9 {group.primary.pid}"
        yield "Clients wait then, stay connected, and go on with the other server. One that was"
        yield "in a transaction hears one error, with SQLSTATE 40001, and may begin again."
        yield f"What promotes the replica, {PROMOTION_SECONDS:g} s after the death, is a script"
        yield "of this trial: the proxy follows the tool that decides about that, and is none"
        yield "itself. The script then starts the dead server as a replica."

    def _python(self, what: str) -> str:
        connect = (
            f"import pymysql, time; c = pymysql.connect(host='127.0.0.1', "
            f"port={self._trial.port}, user='{USER}', password='{self._trial.password}', "
            f"database='{SCHEMA}', autocommit=True).cursor()"
        )
        return f'  {shlex.quote(sys.executable)} -c "{connect}; {what}"'

    def _mysqlproxy(self, command: str, *words: str) -> str:
        script = Path(sys.executable).with_name("mysqlproxy")
        start = [str(script)] if script.exists() else [sys.executable, "-m", "proxy"]
        socket = self._trial.admin.path
        return f"  {shlex.join([*start, command, '--socket', socket, *words])}"


class DemoPresenter(Presenter):
    """A show that ends by itself."""

    def __init__(self, trial: Trial, reactor: Any) -> None:
        super().__init__(trial, reactor)
        self._show: Show | None = None

    def play(self, proxy: Proxy) -> LiveLine:
        """See `Presenter`."""
        trial = self._trial
        tls = ssl.create_default_context(cafile=str(trial.certificate.ca))
        crowd = Crowd(trial.port, USER, trial.password, tls)
        live = LiveLine(proxy, self._reactor, lambda: crowd.errors)
        rotate = trial.secret.rotate if trial.secret else None
        stage = Stage(
            trial.servers, USER, trial.connections, rotate, self._promote, self.teller(live)
        )
        self._show = Show(crowd, stage)
        self._show.run(self._reactor).addCallbacks(self._shown, self._not_shown)
        return live

    def end(self) -> None:
        """See `Presenter`."""
        super().end()
        if self._show is not None:
            self._show.stop()

    def _promote(self, address: str) -> None:
        """Order it as an operator would.

        Raises:
            NotPromotedError: it was refused.
        """
        limit = DEFAULT_TIMEOUT_SECONDS
        reply = AdminCaller(self._trial.admin).post(
            "proxies", NAME, "targets", address, "promote", timeout_seconds=limit, timeout=limit
        )
        if reply.error or not reply.content["done"]:
            raise NotPromotedError(reply.error or f"{address} is not the writer in {limit:g} s")

    def _shown(self, report: Report) -> None:
        self._leave(f"\n{report.text}", 1 if report.faults else 0)

    def _not_shown(self, failure: Any) -> None:
        self._leave(f"\nThe show failed: {failure.value}", 1)

    def _leave(self, last_words: str, status: int) -> None:
        self.end()
        click.echo(last_words, err=bool(status))
        self.status = status
        # Ctrl-C may have been quicker.
        with contextlib.suppress(ReactorNotRunning):
            self._reactor.stop()
