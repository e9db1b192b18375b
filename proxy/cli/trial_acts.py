"""What can be done to a trial with a key: a load, a killed primary, a promotion."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from twisted.internet.error import ReactorNotRunning

from proxy.admin.api import DEFAULT_TIMEOUT_SECONDS
from proxy.admin.caller import AdminCaller, UnreachableError
from proxy.cli.crowd import SCHEMA
from proxy.cli.trial_config import NAME, USER, Trial
from proxy.cli.trial_servers import address_of

LONGEST_LOAD_SECONDS = 3600
"""A load that outlives its trial, because that was killed, ends all the same."""

END_SECONDS = 5.0
"""A load that has been told to end is gone by then, or is killed."""


class NotPromotedError(Exception):
    """The proxy refused to make a target the writer; says why."""


def own_words() -> list[str]:
    """The command `mysqlproxy` of this environment."""
    script = Path(sys.executable).with_name("mysqlproxy")
    return [str(script)] if script.exists() else [sys.executable, "-m", "proxy"]


def load_words(trial: Trial) -> list[str]:
    """The command that starts a load."""
    reach = ["--port", str(trial.port), "--user", USER, "--password", trial.password]
    return [*own_words(), "load", *reach, "--database", SCHEMA]


def promoting(trial: Trial) -> Callable[[str], None]:
    """What has the proxy make an address the writer, as an operator would, and waits.

    It raises `NotPromotedError` where it was refused.
    """
    caller = AdminCaller(trial.admin)
    limit = DEFAULT_TIMEOUT_SECONDS

    def promote(address: str) -> None:
        segments = ("proxies", NAME, "targets", address, "promote")
        try:
            reply = caller.post(*segments, timeout_seconds=limit, timeout=limit)
        except UnreachableError as error:
            raise NotPromotedError(str(error)) from None
        if reply.error or not reply.content["done"]:
            raise NotPromotedError(reply.error or f"{address} is not the writer in {limit:g} s")

    return promote


class TrialActs:
    """The deeds, while the block lasts; all are called by the reactor."""

    def __init__(self, trial: Trial, reactor: Any, say: Callable[[str], None]) -> None:
        """Do nothing yet.

        Args:
            trial: That runs.
            reactor: On which it does.
            say: Tells whoever watches; may be called from any thread.
        """
        self._trial = trial
        self._reactor = reactor
        self._say = say
        self._load: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._load is None:
            return
        self._load.terminate()
        try:
            self._load.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._load.kill()
            self._load.wait()

    def by_key(self) -> Mapping[str, Callable[[], None]]:
        """What each key does."""
        keys = {"l": self.switch_load, "q": self.quit}
        if self._trial.servers.group is not None:
            keys |= {"k": self.kill, "p": self.promote}
        return keys

    def described(self) -> str:
        """The same for people."""
        pair = self._trial.servers.group is not None
        more = ["k kill the primary", "p promote the replica"] if pair else []
        return ", ".join(["l load on and off", *more, "q end all"])

    def switch_load(self) -> None:
        """Start a load, or end it."""
        if self._load is not None and self._load.poll() is None:
            self._load.send_signal(signal.SIGINT)
            self._say("The load ends.")
            return
        self._load = subprocess.Popen(  # noqa: S603 - our own command
            [*load_words(self._trial), "--seconds", str(LONGEST_LOAD_SECONDS)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the trial, which ends it in its turn
        )
        self._say("A load begins.")

    def kill(self) -> None:
        """Kill the primary; the trial's script does the rest."""
        group = self._trial.servers.group
        pid = None if group is None else group.primary.pid
        if pid is None:
            self._say("There is no primary to kill at the moment.")
            return
        self._say(f"kill -9 {pid}")
        with contextlib.suppress(ProcessLookupError):  # somebody else was quicker
            os.kill(pid, signal.SIGKILL)

    def promote(self) -> None:
        """Let the replica take the writes; it takes a while."""
        group = self._trial.servers.group
        if group is None or not group.replicas:
            self._say("There is no replica to promote at the moment.")
            return
        address = address_of(group.replicas[0])
        self._say(f"mysqlproxy promote {address}")
        self._reactor.callInThread(self._promote, address)

    def _promote(self, address: str) -> None:
        try:
            promoting(self._trial)(address)
        except NotPromotedError as error:
            self._say(f"{address} was not promoted: {error}")

    def quit(self) -> None:
        """End the trial."""
        with contextlib.suppress(ReactorNotRunning):  # Ctrl-C was quicker
            self._reactor.stop()
