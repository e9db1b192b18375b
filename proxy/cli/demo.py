"""A finite show: many clients on few connections, through all that befalls their database."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from proxy.cli.crowd import Crowd
from proxy.cli.onlooker import Onlooker
from proxy.cli.show_report import Act, Report, Scene
from proxy.cli.trial_servers import TrialServers, address_of

CALM_SECONDS = 2.0
"""Long enough for a steady state, short enough to be watched."""

ROTATION_SECONDS = 1.5
"""The least for the rotation: clients are seen at work with the new password."""

RENEWAL_SECONDS = 30.0
"""Connections of the old password are gone a second or two after the change; a slow machine
gets so much longer than the show was to last."""

SWITCHOVER_SECONDS = 4.5
"""From the switchover to the kill.  With the second until the promotion it is more than
min_switch_interval, which would else hold clients for longer than the database needs."""

PROMOTION_SECONDS = 1.0
"""From the kill until the script promotes the replica: what a quick tool needs to be sure."""

RECOVERY_SECONDS = 2.5
"""How long clients are seen at work with the new writer."""

_LOOK_SECONDS = 0.1


@attrs.frozen
class Stage:
    """What the show plays with.

    Attributes:
        servers: The database.
        user: As whom the clients log in.
        connections: How many the proxy may have to a server.
        rotate: Changes the user's password; None where that cannot be shown.
        promote: Has the proxy make this address the writer, and waits.
        say: Tells whoever watches; called from any thread.
    """

    servers: TrialServers
    user: str
    connections: int
    rotate: Callable[[], None] | None
    promote: Callable[[str], None]
    say: Callable[[str], None]


class ShowBrokenOffError(Exception):
    """Somebody did not want to see the end of it."""


class Show:
    """What happens, one after the other, while the clients are at work."""

    def __init__(self, crowd: Crowd, stage: Stage) -> None:
        self._crowd = crowd
        self._stage = stage
        self._acts: list[Act] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def run(self, reactor: Any) -> Deferred[Report]:
        """Run it in a thread; fires with what came of it."""
        shown: Deferred[Report] = Deferred()

        def run() -> None:
            try:
                report = self._run()
            except Exception:  # noqa: BLE001 - whatever it is, it is told
                reactor.callFromThread(shown.errback, Failure())
            else:
                reactor.callFromThread(shown.callback, report)

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        return shown

    def stop(self) -> None:
        """Break it off where it has not ended, and wait until nothing of it is left."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _go_on(self, seconds: float) -> None:
        """Let the clients work for some time."""
        if self._over.wait(max(seconds, 0.0)):
            raise ShowBrokenOffError

    def _run(self) -> Report:
        crowd, stage = self._crowd, self._stage
        crowd.prepare(stage.servers.first)
        with Onlooker(stage.servers.all, stage.user) as onlooker:
            crowd.start()
            stage.say(f"{len(crowd.records)} clients have logged in, and move money.")
            with self._act(Scene.CALM):
                self._go_on(CALM_SECONDS)
            if stage.rotate is not None:
                self._rotation(stage.rotate, onlooker)
            if stage.servers.group is not None:
                self._switchover()
                self._crash()
            crowd.stop()
        audit = crowd.audit(stage.servers.primary)
        return Report(self._acts, crowd.records, audit, stage.connections, onlooker.most)

    @contextlib.contextmanager
    def _act(self, scene: Scene) -> Iterator[dict[str, Any]]:
        """Note when a part began and ended; what else is to be known of it is put in."""
        began, more = time.monotonic(), dict[str, Any]()
        yield more
        self._acts.append(Act(scene, began, time.monotonic(), **more))

    def _rotation(self, rotate: Callable[[], None], onlooker: Onlooker) -> None:
        """Change the password, and go on until no connection of the old one is left."""
        with self._act(Scene.ROTATION) as act:
            self._stage.say("The password of the database is changed.")
            old, began = onlooker.seen, time.monotonic()
            rotate()
            while (took := time.monotonic() - began) < RENEWAL_SECONDS:
                if took > ROTATION_SECONDS and not old & onlooker.seen:
                    break
                self._go_on(_LOOK_SECONDS)
            act["renewed"] = len(old - onlooker.seen)

    def _switchover(self) -> None:
        """Have the proxy make the replica the writer; the old writer becomes its replica."""
        group = self._stage.servers.group
        assert group is not None
        with self._act(Scene.SWITCHOVER) as act:
            replica = group.replicas[0]
            self._stage.say(f"A planned switchover: mysqlproxy promote {address_of(replica)}")
            began = time.monotonic()
            self._stage.promote(address_of(replica))
            act["seconds"] = time.monotonic() - began
            # All is done but for the old writer, which is to follow the new one.
            group.switch_over(replica)
            self._go_on(began + SWITCHOVER_SECONDS - time.monotonic())

    def _crash(self) -> None:
        """Kill the writer, and promote the other one as a script would."""
        group = self._stage.servers.group
        assert group is not None
        with self._act(Scene.CRASH) as act:
            victim = group.primary
            self._stage.say(f"The writer is killed: kill -9 {victim.pid}")
            began = time.monotonic()
            victim.kill()
            self._go_on(PROMOTION_SECONDS)
            group.promote()
            act["seconds"] = time.monotonic() - began
            self._stage.say(f"A script has promoted {address_of(group.primary)}.")
            self._go_on(RECOVERY_SECONDS)
