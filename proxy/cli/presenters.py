"""What is said while a trial runs: how to try things, or what the show is about."""

from __future__ import annotations

import abc
import contextlib
import functools
import ssl
from typing import Any

import click
from twisted.internet.error import ReactorNotRunning

from proxy.cli.crowd import Crowd
from proxy.cli.demo import Show, Stage
from proxy.cli.how_to import how_to
from proxy.cli.keys import Keys
from proxy.cli.live_line import LiveLine
from proxy.cli.promoter import Promoter
from proxy.cli.show_report import Report
from proxy.cli.trial_acts import TrialActs, promoting
from proxy.cli.trial_config import USER, Trial
from proxy.cli.trial_servers import address_of
from proxy.front.proxy import Proxy
from proxy.service.started import Started


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

    def begin(self, process: Started) -> None:
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
        (proxy,) = process.proxies
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
        self._beside = contextlib.ExitStack()

    def play(self, proxy: Proxy) -> LiveLine:
        """See `Presenter`: servers that are killed are brought back."""
        trial, group = self._trial, self._trial.servers.group
        live = LiveLine(proxy, self._reactor)
        acts = self._beside.enter_context(TrialActs(trial, self._reactor, self.teller(live)))
        keys = Keys(self._reactor, acts.by_key())
        click.echo("\n".join(how_to(trial, acts if keys.there else None)))
        if group is not None:
            promoter = Promoter(group, lambda: proxy.pool.place, self.teller(live))
            self._beside.enter_context(promoter)
        self._beside.enter_context(keys)
        return live

    def end(self) -> None:
        """See `Presenter`."""
        super().end()
        self._beside.close()


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
            trial.servers, USER, trial.connections, rotate, promoting(trial), self.teller(live)
        )
        self._show = Show(crowd, stage)
        self._show.run(self._reactor).addCallbacks(self._shown, self._not_shown)
        return live

    def end(self) -> None:
        """See `Presenter`."""
        super().end()
        if self._show is not None:
            self._show.stop()

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
